package bench

import (
	"slices"
	"testing"
)

// TestSyncedGoals checks the goal beside River, with and without a run of River.
func TestSyncedGoals(t *testing.T) {
	for name, test := range map[string]struct {
		config      Config
		usher       float64 // events a second; River and the bare loop have 1000
		contestants int
		met         bool
	}{
		"River is slower":    {Config{River: "river"}, 1500, 3, true},
		"River is too close": {Config{River: "river"}, 1400, 3, false},
		"without River":      {Config{}, 1500, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			items := test.config.items(Suite{Rounds: 1, Backlog: 1})
			synced := items[slices.IndexFunc(items, func(x goalPlan) bool { return x.plan.SyncAlways })]
			var s Series
			for _, c := range synced.plan.Contestants {
				run := Run{Contestant: c.Name, Events: 1000}
				if c.Kind == Usher {
					run.Events = test.usher
				}
				s.Runs = append(s.Runs, run)
			}
			goals := synced.check(s)
			if len(s.Runs) != test.contestants || len(goals) != 2 || !goals[0].Met || goals[1].Met != test.met {
				t.Errorf("got %d contestants, goals %+v", len(s.Runs), goals)
			}
		})
	}
}
