package isolation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/tools/environment"
)

// measure creates healthy users in turn and returns the times. No
// user is created once the cap of the run is over.
func (w *world) measure(ctx context.Context, name string) (Times, error) {
	times := Times{Seconds: []float64{}}
	for begun := time.Now(); len(times.Seconds) < w.config.Healthy && time.Since(begun) < w.config.Cap; {
		w.healthy++
		id := fmt.Sprintf("well-%s-%d", name, w.healthy)
		took, err := w.create(ctx, &scenario.User{ID: id, Email: id + "@example.org", First: "Ada", Last: "Berg"})
		if errors.Is(err, errCap) {
			times.More = true
			return times, nil
		}
		if err != nil {
			return times, err
		}
		times.Seconds = append(times.Seconds, took.Seconds())
	}
	return times, nil
}

// errCap means that a healthy user had no result within the cap.
var errCap = errors.New("no result within the cap")

// create publishes user.created of a healthy user, and returns the time to the
// result. The vendor must then hold exactly one account of the user.
func (w *world) create(ctx context.Context, u *scenario.User) (time.Duration, error) {
	w.Writer.Create(u)
	begun := time.Now()
	if err := w.Publish(ctx); err != nil {
		return 0, err
	}
	var found []environment.Result
	late := w.Until(ctx, w.config.Cap, "the result is there", func() bool {
		found = w.results.Of(w.Last())
		return len(found) > 0
	})
	switch err := errors.Join(ctx.Err(), w.Alive()); {
	case err != nil:
		return 0, err
	case late != nil:
		return 0, errCap
	case found[0].Outcome != events.Done:
		return 0, fmt.Errorf("the creation of %s ended as %q", u.ID, found[0].Outcome)
	}
	return found[0].At.Sub(begun), w.holds(ctx, u)
}

// holds returns an error unless the vendor holds one account of a user, created once.
func (w *world) holds(ctx context.Context, u *scenario.User) error {
	state, err := w.State(ctx)
	if err != nil {
		return err
	}
	created := 0
	for _, account := range state.Live() {
		if account.Email == u.Email {
			created += account.Creates
		}
	}
	if created != 1 {
		return fmt.Errorf("%s was created %d times at the vendor, want once", u.ID, created)
	}
	return nil
}
