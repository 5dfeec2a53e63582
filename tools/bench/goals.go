package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Goal is one line of the table of goals with the figure reached.
type Goal struct {
	Load    string `json:"load"`
	Goal    string `json:"goal"`
	Reached string `json:"reached"`
	Met     bool   `json:"met"`
}

// Suite holds the sizes of a run of all goals.
type Suite struct {
	Rounds  int
	Backlog int // events
}

// goalPlan is a plan and the goals checked by its series.
type goalPlan struct {
	plan  Plan
	check func(Series) []Goal
}

// All measures every goal and adds the figures to the report.
func (c Config) All(ctx context.Context, suite Suite, into *Report) error {
	for _, x := range c.items(suite) {
		series, err := c.measure(ctx, x.plan)
		if err != nil {
			return err
		}
		into.Series, into.Goals = append(into.Series, series), append(into.Goals, x.check(series)...)
	}
	start, err := c.Startup(ctx, suite.Rounds)
	if err != nil {
		return err
	}
	into.Startup, into.Goals = &start, append(into.Goals, Goal{
		"start to first effect, embedded server, empty store", "≤ 300 ms",
		fmt.Sprintf("%.0f ms (ready after %.0f ms)", start.MedianMS, start.ReadyMS), start.MedianMS <= 300,
	})
	return nil
}

// full is the concurrency of the goals.
const full = 256

func bareWith(writes int) Contestant {
	return Contestant{Name: fmt.Sprintf("bare loop, %d KV", writes), Kind: Bare, Writes: writes}
}

func ushers(n int) Contestant {
	if n == 1 {
		return Contestant{Name: "usher", Kind: Usher}
	}
	return Contestant{Name: fmt.Sprintf("usher × %d", n), Kind: Usher, Processes: n}
}

// OnRiver is the contestant on River, with a PostgreSQL of its own.
var OnRiver = Contestant{Name: "River", Kind: River}

const ruled = "usher with rules"

// WithRules returns the contestants of the load rules: usher without and with rules of a team.
func WithRules() []Contestant {
	return []Contestant{ushers(1), {Name: ruled, Kind: Usher, Rules: true}}
}

func (c Config) items(suite Suite) []goalPlan {
	activity, lifecycle := loads[0], loads[2]
	rounds, fewer := suite.Rounds, (suite.Rounds+1)/2
	plain := []Contestant{bareWith(1), ushers(1)}
	withPeer := plain
	if c.Peer != "" {
		withPeer = []Contestant{bareWith(1), {Name: "peer", Kind: Peer}, ushers(1)}
	}
	synced := withPeer
	if c.River != "" {
		synced = slices.Insert(slices.Clone(synced), len(synced)-1, OnRiver)
	}
	return []goalPlan{
		{Plan{Name: "activity, one vendor", Load: activity, Events: 20_000, Concurrency: full, Rounds: rounds, Contestants: withPeer}, c.activityGoals},
		{Plan{Name: "activity, one vendor, each message synced", Load: activity, Events: 10_000, Concurrency: full, Rounds: rounds, SyncAlways: true, Contestants: synced}, c.syncedGoals},
		{Plan{Name: "lifecycle, five vendors", Load: lifecycle, Events: 4000, Concurrency: full, Rounds: rounds, Contestants: []Contestant{bareWith(2), ushers(1)}}, lifecycleGoals},
		{Plan{Name: "activity, vendor delay 50 ms", Load: activity, Events: 15_360, Delay: 50 * time.Millisecond, Concurrency: full, Rounds: rounds, Contestants: plain}, delayGoals},
		{Plan{Name: "activity, 100 events a second", Load: activity, Events: 750, Rate: 100, Concurrency: full, Rounds: rounds, Contestants: plain}, addedGoals},
		{Plan{Name: "backlog", Load: activity, Events: suite.Backlog, Concurrency: full, Rounds: rounds, Contestants: plain}, backlogGoals},
		{Plan{Name: "activity, vendor delay 300 ms, 1 and 4 processes", Load: activity, Events: 8192, Delay: 300 * time.Millisecond, Concurrency: full / 4, Rounds: fewer, Contestants: []Contestant{ushers(1), ushers(4)}}, scaleGoals},
		{Plan{Name: "lifecycle, one vendor, delay 300 ms", Load: loads[3], Events: 10_000, Delay: 300 * time.Millisecond, Concurrency: full, Rounds: fewer, Contestants: plain[1:]}, ownerGoals},
		{Plan{Name: "rules of a team, one vendor", Load: loads[4], Events: 5000, Concurrency: full, Rounds: rounds, Contestants: WithRules()}, rulesGoals},
	}
}

func (c Config) activityGoals(s Series) []Goal {
	const load = "activity, one vendor, no delay"
	peer := Goal{load, "≥ 4.5 × the peer with dedupe", "not measured: no --peer", false}
	if c.Peer != "" {
		peer = atLeast(load, "≥ 4.5 × the peer with dedupe", s.ratio("usher", "peer"), 4.5)
	}
	return []Goal{peer, atLeast(load, "≥ 0.95 × the bare loop with one KV write", s.ratio("usher", bareWith(1).Name), 0.95)}
}

func (c Config) syncedGoals(s Series) []Goal {
	const load, goal = "the same, each message synced to the disk", "≥ 1.5 × River on PostgreSQL with fsync"
	river := Goal{load, goal, "not measured: no --river", false}
	if c.River != "" {
		river = atLeast(load, goal, s.ratio("usher", OnRiver.Name), 1.5)
	}
	return []Goal{atLeast(load, "≥ 0.95 × the bare loop with one KV write", s.ratio("usher", bareWith(1).Name), 0.95), river}
}

func lifecycleGoals(s Series) []Goal {
	return []Goal{atLeast("lifecycle, five vendors, no delay", "≥ 0.85 × the bare loop with two KV writes an effect", s.ratio("usher", bareWith(2).Name), 0.85)}
}

func atLeast(load, goal string, r Ratio, least float64) Goal {
	return Goal{load, goal, fmt.Sprintf("%.2f × (%.2f–%.2f)", r.Median, r.Min, r.Max), r.Median >= least}
}

// delayGoals uses the rate of the bare loop in the same run as the limit by CPU.
func delayGoals(s Series) []Goal {
	allowed := full / 0.05
	reached, bare := s.median("usher").Events, s.median(bareWith(1).Name).Events
	return []Goal{{
		"activity, vendor delay 50 ms, concurrency 256", "≥ 0.90 × concurrency / delay, up to the CPU's limit",
		fmt.Sprintf("%.2f × (%.0f of %.0f a second; the bare loop: %.2f ×)", reached/allowed, reached, allowed, bare/allowed),
		reached >= 0.9*min(allowed, bare),
	}}
}

func addedGoals(s Series) []Goal {
	usher, bare := s.median("usher"), s.median(bareWith(1).Name)
	half, most := usher.CallP50-bare.CallP50, usher.CallP99-bare.CallP99
	return []Goal{{
		"added from publish to vendor call, at 100 events/s", "median ≤ 2 ms, p99 ≤ 15 ms over the bare loop's",
		fmt.Sprintf("median %+.1f ms (%.1f), p99 %+.1f ms (%.1f)", half, usher.CallP50, most, usher.CallP99), half <= 2 && most <= 15,
	}}
}

// backlogGoals shows the bare loop as well: a slowdown of both is not caused by usher.
func backlogGoals(s Series) []Goal {
	r := s.median("usher")
	rate, bare := s.lastToFirst("usher"), s.lastToFirst(bareWith(1).Name)
	load := fmt.Sprintf("backlog of %d", s.Events)
	if r.PeakMB == 0 {
		return []Goal{{load, "memory ≤ 150 MB, flat", "not measured: memory is known on Linux only", false}}
	}
	return []Goal{
		{
			load, "memory ≤ 150 MB, flat from first to last",
			fmt.Sprintf("%.0f MB at most; %.0f MB in the first tenth, %.0f MB in the last", r.PeakMB, r.FirstMB, r.LastMB),
			r.PeakMB <= 150 && r.LastMB <= 1.2*r.FirstMB,
		},
		{
			load, "rate of the last tenth ≥ 0.9 × the first's",
			fmt.Sprintf("%.2f × (%.2f–%.2f; the bare loop: %.2f ×, %.2f–%.2f)", rate.Median, rate.Min, rate.Max, bare.Median, bare.Min, bare.Max),
			rate.Median >= 0.9,
		},
	}
}

func scaleGoals(s Series) []Goal {
	return []Goal{atLeast("activity, 4 processes, vendor delay 300 ms, concurrency 64 each", "≥ 3.6 × one process", s.ratio("usher × 4", "usher"), 3.6)}
}

// ownerGoals counts calls: each effect at Miestro takes two calls, like a creation elsewhere.
func ownerGoals(s Series) []Goal {
	allowed := full / 0.3
	reached := s.median("usher").Calls
	return []Goal{{
		"lifecycle, one vendor, one owner, delay 300 ms, concurrency 256", "≥ 0.85 × concurrency / delay, in calls a second",
		fmt.Sprintf("%.2f × (%.0f of %.0f a second)", reached/allowed, reached, allowed), reached >= 0.85*allowed,
	}}
}

// rulesGoals shows CPU and allocations as well: both depend less on other programs than the rate.
func rulesGoals(s Series) []Goal {
	per := func(figure func(Run) float64) float64 { return figure(s.median(ruled)) / figure(s.median("usher")) }
	cpu := per(func(r Run) float64 { return r.CPU })
	server := per(func(r Run) float64 { return r.Server })
	allocations := per(func(r Run) float64 {
		if r.Allocs == nil {
			return 0
		}
		return *r.Allocs
	})
	g := atLeast("lifecycle, one vendor, a scope and ten mapped fields", "≥ 0.85 × the events a second without", s.ratio(ruled, "usher"), 0.85)
	g.Reached += fmt.Sprintf("; an event takes %.2f × the CPU, %.2f × of NATS, %.2f × the allocations", cpu, server, allocations)
	return []Goal{g}
}
