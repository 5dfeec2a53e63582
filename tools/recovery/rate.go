package recovery

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/tools/process"
)

// sharedRate is the rate of the vendor in calls a second, over all processes.
const sharedRate = 10

// RateReport are the calls a second at the vendor.
type RateReport struct {
	Window        time.Duration
	Before, After []float64 // calls a second in windows before the kill, and from half a minute behind the kill on
	Recovered     time.Duration
	Most          float64 // the largest part of the bound that any span had
	Faults        []string
}

// String returns the report as a line.
func (r *RateReport) String() string {
	return fmt.Sprintf("three processes at a rate of %d: %.1f calls a second in windows of %s before a kill, %.1f from %s after the kill on; any span had at most %.0f %% of its bound",
		sharedRate, r.Before, r.Window, r.After, r.Recovered, 100*r.Most)
}

// windows is the number of windows before a kill, and after the kill.
const windows = 2

// sample is how many calls the vendor had got between two times.
type sample struct {
	begun, ended time.Time
	calls        int
}

// Rate lets three processes work off a backlog, and kills one. Full windows must keep to the rate
// within a tenth, and no span may have more calls than rate × (1 + seconds).
func Rate(ctx context.Context, c Config) (r *RateReport, err error) {
	r = &RateReport{Window: pick(c, 20*time.Second, 2*time.Second), Recovered: pick(c, 30*time.Second, 6*time.Second)}
	// Without an order every process calls, and so the processes share the rate.
	t, err := newTrial(ctx, c, "meiro", fmt.Sprint("USHER_MEIRO_RATE=", sharedRate), "USHER_ACTIVITY_ORDER=none")
	defer func() { err = t.end(r.Faults, err) }()
	if err != nil {
		return r, err
	}
	workers := make([]*environment.Worker, 3)
	for i := range workers {
		if workers[i], err = t.serve(ctx); err != nil {
			return r, err
		}
	}
	if err := t.backlog(ctx, pick(c, 2500, 600)); err != nil {
		return r, err
	}
	shared := time.Now().Add(pick(c, 15*time.Second, 10*time.Second)) // a process that starts makes no call for 4 s
	killed := shared.Add(windows * r.Window)
	samples, err := t.sample(ctx, killed)
	if err != nil {
		return r, err
	}
	owner, err := t.owner(ctx, workers)
	if err != nil {
		return r, err
	}
	owner.Kill()
	again := time.Now().Add(r.Recovered)
	more, err := t.sample(ctx, again.Add(windows*r.Window))
	if err != nil {
		return r, err
	}
	samples = append(samples, more...)
	r.Before, r.After = rates(samples, shared, r.Window), rates(samples, again, r.Window)
	r.judge(c, samples)
	return r, nil
}

// backlog publishes activities of many users, and a creation of each.
func (t *trial) backlog(ctx context.Context, size int) error {
	const each = 10
	for range size / each {
		u := t.user(well)
		t.Writer.Create(u)
		for range each - 1 {
			t.Writer.Act(u, "lesson_viewed", 12)
		}
	}
	return t.send(ctx)
}

// sample looks at the calls of the vendor until a time.
func (t *trial) sample(ctx context.Context, end time.Time) (list []sample, err error) {
	for time.Now().Before(end) {
		begun := time.Now()
		state, err := t.State(ctx)
		if err != nil {
			return list, err
		}
		list = append(list, sample{begun, time.Now(), environment.Calls(state)})
		if !process.Sleep(ctx, 100*time.Millisecond) {
			return list, ctx.Err()
		}
	}
	return list, t.Alive()
}

// rates returns the calls a second in the windows from a time on.
func rates(samples []sample, from time.Time, window time.Duration) (list []float64) {
	at := func(when time.Time) sample {
		i := slices.IndexFunc(samples, func(s sample) bool { return !s.begun.Before(when) })
		if i < 0 {
			i = len(samples) - 1
		}
		return samples[i]
	}
	for n := range windows {
		first, last := at(from.Add(time.Duration(n)*window)), at(from.Add(time.Duration(n+1)*window))
		list = append(list, float64(last.calls-first.calls)/last.begun.Sub(first.begun).Seconds())
	}
	return list
}

// judge finds windows that miss the rate, and spans with more calls than allowed.
func (r *RateReport) judge(c Config, samples []sample) {
	least := pick(c, 0.9, 0.3) * sharedRate
	for _, rate := range slices.Concat(r.Before, r.After) {
		if rate < least || rate > 1.1*sharedRate {
			r.Faults = append(r.Faults, fmt.Sprintf("%.1f calls a second in a window, want about %d", rate, sharedRate))
		}
	}
	for i, first := range samples {
		for _, last := range samples[i+1:] {
			bound := sharedRate * (1 + last.ended.Sub(first.begun).Seconds())
			r.Most = max(r.Most, float64(last.calls-first.calls)/bound)
		}
	}
	if r.Most > 1 {
		r.Faults = append(r.Faults, fmt.Sprintf("a span had %.0f %% of the calls that it may have", 100*r.Most))
	}
}
