package isolation

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/tools/environment"
)

// patience is the timeout for dead letters and for the command that replays dead letters.
const patience = 10 * time.Minute

// refused is the number of users with rejected enrolments. With more users usher puts the vendor on hold,
// because a broken mapping is likely.
const refused = 19

// deadLetters creates dead letters of rejected enrolments.
func deadLetters(ctx context.Context, w *world, size int) error {
	if err := w.Control(ctx, url.Values{"mode": {"trouble"}, "user": {sick}, "status": {"400"}}); err != nil {
		return err
	}
	for i := range size {
		w.Writer.Enroll(user(i%refused), course(i))
	}
	if err := w.Publish(ctx); err != nil {
		return err
	}
	failed := events.ResultSubject(events.ResultType(events.EnrollmentRequested, events.Failed), w.line.Vendor)
	stream, err := w.JS.Stream(ctx, environment.ResultsStream)
	if err != nil {
		return err
	}
	return w.Until(ctx, patience, "every refused enrolment has failed", func() bool {
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(failed))
		return err == nil && info.State.Subjects[failed] >= uint64(size)
	})
}

// replay creates dead letters and replays them after the recovery of the vendor. The measurement begins
// after the replays were sent.
func replay(ctx context.Context, w *world, size int) error {
	if err := deadLetters(ctx, w, size); err != nil {
		return err
	}
	if err := w.Control(ctx, url.Values{"mode": {"trouble"}, "user": {sick}, "delay": {"50ms"}}); err != nil {
		return err
	}
	before, err := w.State(ctx)
	if err != nil {
		return err
	}
	err = w.Command(ctx, patience, "dead", "replay", "--all", "--vendor", w.line.Vendor, "--max", strconv.Itoa(size), "--rate", "1000", "--reason", "isolation")
	if err != nil {
		return err
	}
	return w.Until(ctx, 0, "a replay has reached the vendor", func() bool {
		now, err := w.State(ctx)
		return err == nil && environment.Calls(now) > environment.Calls(before)
	})
}
