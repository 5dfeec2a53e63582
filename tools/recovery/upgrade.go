package recovery

import (
	"context"
	"fmt"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// UpgradeReport counts the events of an upgrade under load.
type UpgradeReport struct {
	Vendor   string
	Former   string // the commit of the former version
	Replaced int    // processes
	Events   int
	// Enrolments and Activities are parts of Events.
	Enrolments, Activities int
	Longest                time.Duration // of one replacement, from the signal to the end of the former process
	Faults                 []string
}

// String returns the report as a line.
func (r *UpgradeReport) String() string {
	return fmt.Sprintf("%s: %d processes of %.12s replaced one by one under load, %d events with %d enrolments and %d activities, the longest end of a process %s: %d faults",
		r.Vendor, r.Replaced, r.Former, r.Events, r.Enrolments, r.Activities, r.Longest.Round(100*time.Millisecond), len(r.Faults))
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
	if err != nil {
		return err
	}
	state, err := t.State(ctx)
	r.Faults, r.Events = append(append(r.Faults, faults...), t.missing(state)...), len(t.sent)
	for _, s := range t.sent {
		switch s.kind {
		case events.EnrollmentRequested:
			r.Enrolments++
		case events.ActivityTracked:
			r.Activities++
		}
	}
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

// activity is the name of the activities of a mixed load.
const activity = "lesson_completed"

// mixedLoad publishes creations, changes, enrolments and activities of users for a span. The first users in
// line for an enrolment were created in an earlier span, by the former version.
func (t *trial) mixedLoad(ctx context.Context, span time.Duration) error {
	const every = 100 * time.Millisecond
	for begun, n := time.Now(), 0; time.Since(begun) < span; n++ {
		t.writeMixed(n)
		if err := t.send(ctx); err != nil {
			return err
		}
		if !process.Sleep(ctx, every) {
			return ctx.Err()
		}
	}
	return nil
}

// writeMixed writes the event number n of a mixed load.
func (t *trial) writeMixed(n int) {
	switch takesActivity := t.vendor != "miestro"; {
	case len(t.pupils) > 0 && n%4 == 1:
		t.Writer.Enroll(t.pupils[0], "algebra")
		t.pupils = t.pupils[1:]
	case len(t.pupils) > 0 && n%8 == 2 && takesActivity:
		t.Writer.Act(t.pupils[0], activity, n)
	case len(t.pupils) > 0 && n%4 == 2:
		t.Writer.Update(t.pupils[len(t.pupils)-1])
	default:
		pupil := t.user(well)
		t.Writer.Create(pupil)
		t.pupils = append(t.pupils, pupil)
	}
}

// missing returns the faults of enrolments and activities: each done event is at the vendor, once. Some
// vendors keep changes of users and enrolments as events, too.
func (t *trial) missing(state sandbox.VendorState) (faults []string) {
	done := map[string]int{}
	for _, s := range t.sent {
		if found := t.results.Of(s.id); len(found) > 0 && found[0].Outcome == events.Done {
			done[s.kind]++
		}
	}
	activities := 0
	for _, e := range state.Events {
		if e.Name == activity {
			activities++
		}
	}
	for _, kind := range []struct {
		name string
		at   int
	}{{events.EnrollmentRequested, len(state.Enrollments)}, {events.ActivityTracked, activities}} {
		if kind.at != done[kind.name] {
			faults = append(faults, fmt.Sprintf("%d events %s are done, and %d are at the vendor", done[kind.name], kind.name, kind.at))
		}
	}
	return faults
}
