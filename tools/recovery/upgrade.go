package recovery

import (
	"context"
	"fmt"
	"time"

	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/tools/process"
)

// UpgradeReport counts the events of an upgrade under load.
type UpgradeReport struct {
	Vendor   string
	Former   string // the commit of the former version
	Replaced int    // processes
	Events   int
	Longest  time.Duration // of one replacement, from the signal to the end of the former process
	Faults   []string
}

// String returns the report as a line.
func (r *UpgradeReport) String() string {
	return fmt.Sprintf("%s: %d processes of %.12s replaced one by one under load, %d events, the longest end of a process %s: %d faults",
		r.Vendor, r.Replaced, r.Former, r.Events, r.Longest.Round(100*time.Millisecond), len(r.Faults))
}

// stopWithin is the longest time for the end of a process after SIGTERM: worker.shutdown and some more.
const stopWithin = 30 * time.Second

// Upgrade replaces two processes of a former program one by one, under load, as a rolling upgrade does:
// first a process of the new version starts, then a former one is stopped.
func Upgrade(ctx context.Context, c Config, former string, r *UpgradeReport) (err error) {
	t, err := newTrial(ctx, c, r.Vendor)
	defer func() { err = t.end(r.Faults, err) }()
	if err != nil {
		return err
	}
	var old []*environment.Worker
	for range 2 {
		w, err := t.serveBy(ctx, former)
		if err != nil {
			return fmt.Errorf("the former version: %w", err)
		}
		old = append(old, w)
	}
	span := pick(c, 20*time.Second, 3*time.Second)
	if err := t.mixedLoad(ctx, span); err != nil {
		return err
	}
	for _, w := range old {
		if err := t.replace(ctx, w, span, r); err != nil {
			return fmt.Errorf("replacement %d: %w", r.Replaced+1, err)
		}
	}
	stuck, err := t.settle(ctx)
	if err != nil {
		return err
	}
	faults, err := t.judge(ctx, stuck)
	r.Faults, r.Events = append(r.Faults, faults...), len(t.sent)
	return err
}

// replace starts a process of the new version, and stops a former one, under load.
func (t *trial) replace(ctx context.Context, w *environment.Worker, span time.Duration, r *UpgradeReport) error {
	if _, err := t.serve(ctx); err != nil {
		return fmt.Errorf("the new version: %w", err)
	}
	if err := t.mixedLoad(ctx, span); err != nil {
		return err
	}
	began := time.Now()
	w.ExpectEnd()
	stopped := make(chan error, 1)
	go func() { stopped <- w.Stop(stopWithin) }()
	failed := t.mixedLoad(ctx, span)
	if err := <-stopped; err != nil {
		return fmt.Errorf("the former process: %w", err)
	}
	r.Longest = max(r.Longest, time.Since(began))
	r.Replaced++
	return failed
}

// mixedLoad publishes creations, enrolments and changes of users for a span.
func (t *trial) mixedLoad(ctx context.Context, span time.Duration) error {
	const every = 100 * time.Millisecond
	var last *scenario.User
	for begun, n := time.Now(), 0; time.Since(begun) < span; n++ {
		switch {
		case last != nil && n%4 == 1:
			t.Writer.Enroll(last, "algebra")
		case last != nil && n%4 == 2:
			t.Writer.Update(last)
		default:
			last = t.user(well)
			t.Writer.Create(last)
		}
		if err := t.send(ctx); err != nil {
			return err
		}
		if !process.Sleep(ctx, every) {
			return ctx.Err()
		}
	}
	return nil
}
