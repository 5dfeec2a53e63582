package recovery

import (
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/vendors/sandbox"
)

// The judge must notice an event that ended twice, or otherwise than the vendor shows.
func TestJudgeEvent(t *testing.T) {
	done, failed := environment.Result{Outcome: events.Done}, environment.Result{Outcome: events.Failed}
	for name, test := range map[string]struct {
		kind  string
		found []environment.Result
		held  account
		want  int
	}{
		"done once":                  {events.UserCreated, []environment.Result{done}, account{1, 1}, 0},
		"failed, and not there":      {events.UserCreated, []environment.Result{failed}, account{}, 0},
		"two results":                {events.UserCreated, []environment.Result{done, done}, account{1, 1}, 1},
		"two results of an activity": {events.ActivityTracked, []environment.Result{done, done}, account{}, 1},
		"created twice":              {events.UserCreated, []environment.Result{done}, account{1, 2}, 1},
		"two accounts":               {events.UserCreated, []environment.Result{done}, account{2, 2}, 1},
		"done, and not there":        {events.UserCreated, []environment.Result{done}, account{}, 1},
		"failed, and there":          {events.UserCreated, []environment.Result{failed}, account{1, 1}, 1},
		"there without a result":     {events.UserCreated, nil, account{1, 1}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := judgeEvent(sent{kind: test.kind}, test.found, test.held); len(got) != test.want {
				t.Errorf("got %q, want %d faults", got, test.want)
			}
		})
	}
}

// The judge must notice a repeated enrolment, but for one in flight at a kill at Miestro.
func TestJudgeState(t *testing.T) {
	twice := sandbox.VendorState{Enrollments: []sandbox.Enrollment{{UserID: "1", CourseID: "11", Active: true, Applied: 2}}}
	for name, test := range map[string]struct {
		trial trial
		want  int
	}{
		"no kill":            {trial{vendor: "miestro"}, 1},
		"a kill":             {trial{vendor: "usermost", killed: true}, 1},
		"a kill, at Miestro": {trial{vendor: "miestro", killed: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.trial.judgeState(twice); len(got) != test.want {
				t.Errorf("got %q, want %d faults", got, test.want)
			}
		})
	}
}

// The judge must notice calls beyond the rate, and far fewer.
func TestJudgeRate(t *testing.T) {
	begun := time.Now()
	steady := func(rate int) (list []sample) {
		for i := range 60 {
			at := begun.Add(time.Duration(i) * time.Second)
			list = append(list, sample{at, at, i * rate})
		}
		return list
	}
	for rate, want := range map[int]int{sharedRate: 0, sharedRate / 2: 2, 2 * sharedRate: 3} {
		r := RateReport{Window: 20 * time.Second}
		samples := steady(rate)
		r.Before = rates(samples, begun, r.Window)
		r.judge(Config{Full: true}, samples)
		if len(r.Faults) != want {
			t.Errorf("%d calls a second: got %q, want %d faults", rate, r.Faults, want)
		}
	}
}
