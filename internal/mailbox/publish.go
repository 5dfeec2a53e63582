package mailbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// isPublished reports whether a finished effect is known to be published. An
// effect without the Publish flag held its position back until then, so a committed
// position proves it; not for activity, which is acknowledged one by one.
func (t *turn) isPublished(f *record.Finished) bool {
	if t.user.published[effectID{f.Key, f.Replay}] {
		return true
	}
	return !f.Publish && f.Replay == 0 && f.Scope != events.ScopeActivity && !t.deps.Ownership.Committed().Before(f.Position)
}

// publish publishes the results of the finished effects of the record, and their history.
// Only then a position may be settled. The same effect gives the same result, byte for byte,
// each time. An effect that a newer owner still claims has to wait: the outcome of that owner
// may replace it.
func (t *turn) publish(ctx context.Context) error {
	r := t.user.stored.record
	list := r.Finished
	for i := range list {
		f := &list[i]
		if t.isPublished(f) || r.Claims(f.Key, f.Replay) {
			continue
		}
		if err := t.publishOne(ctx, f); err != nil {
			return err
		}
		t.user.published[effectID{f.Key, f.Replay}] = true
	}
	for id := range t.user.published {
		if !hasFinished(list, id) {
			delete(t.user.published, id)
		}
	}
	return nil
}

// publishOne publishes the result of a finished effect, and its history side by side. The
// message of a replay is removed after that, and a dead letter of an effect that ended well
// after all too.
func (t *turn) publishOne(ctx context.Context, f *record.Finished) error {
	event, err := t.eventOf(ctx, f)
	if errors.Is(err, ErrGone) {
		if f.Replay > 0 && f.Delivered() && f.Class != classExpired {
			return nil // its message was removed, which is the last step of this function
		}
		if f.Class != classExpired && f.Delivered() { // a dead letter says so, or the former core has published
			t.deps.Log.Error().Str("vendor", t.vendor.Name).Str("type", f.Type).Str("outcome", f.Kind).
				Msg("a result cannot be published: its event left the stream")
		}
		return t.appendHistory(ctx, t.shortKey(&f.Effect), f)
	}
	if err != nil {
		return err
	}
	group, side := errgroup.WithContext(ctx)
	group.Go(func() error { return t.appendHistory(side, event.Key, f) })
	group.Go(func() error { return t.publishResult(side, event, f) })
	if err := group.Wait(); err != nil {
		return err
	}
	return t.clear(ctx, event, f)
}

// clear removes what is not needed any more once an effect is published.
func (t *turn) clear(ctx context.Context, event *Event, f *record.Finished) error {
	if f.By == "" { // no attempt has reported it
		t.report(event, &f.Effect, f.Outcome, time.Time{})
	}
	if t.mayHaveDeadLetter(f) {
		if err := t.deps.DeadLetters.RemoveEnded(ctx, t.vendor.Name, f.Type, event.Key, f.Replay); err != nil {
			return err
		}
	}
	if f.Replay > 0 && f.Delivered() {
		return t.deps.Replays.Remove(ctx, f.ReplaySeq)
	}
	return nil
}

// eventOf returns the event of a finished effect. A replay that the former core has carried
// out is gone: its event stands for it.
func (t *turn) eventOf(ctx context.Context, f *record.Finished) (*Event, error) {
	event, err := t.event(ctx, &f.Effect)
	if errors.Is(err, errUndelivered) {
		original := f.Effect
		original.Replay = 0
		event, err = t.event(ctx, &original)
	}
	return event, err
}

func hasFinished(list []record.Finished, id effectID) bool {
	for i := range list {
		if list[i].Key == id.key && list[i].Replay == id.replay {
			return true
		}
	}
	return false
}

// mayHaveDeadLetter reports whether an effect that ended well may have a dead letter. A dead
// letter is stored before the outcome, which may then get lost.
func (t *turn) mayHaveDeadLetter(f *record.Finished) bool {
	attempts := 1 // the one that ended well
	if f.Kind == events.Superseded {
		attempts = 0
	}
	tried := f.Replay > 0 || f.Attempts > attempts
	overdue := !f.Begun.IsZero() && f.At.Sub(f.Begun) >= t.config.PrerequisiteWait
	rejected := !t.user.stored.record.Rejected.Before(f.Position)
	return f.Kind != events.Failed && (tried || overdue || rejected)
}

func (t *task) publishResult(ctx context.Context, event *Event, f *record.Finished) error {
	r := events.Result{Vendor: t.vendor.Name, Outcome: f.Kind, AccountID: f.AccountID, Attempts: f.Attempts, TookMS: f.TookMS}
	if f.Kind == events.Failed {
		r.Error = &events.ResultError{Class: f.Class, Status: f.Status, Message: f.Message}
	}
	result, err := events.NewResult(events.ResultOf{
		Request: event.Event, RequestType: f.Type, UserID: event.Plan.UserID, Key: event.Key, Replay: f.Replay,
		Source: t.config.Source, At: f.At, Result: r,
	})
	if err != nil {
		return fmt.Errorf("result of %s: %w", f.Type, err)
	}
	return t.send(ctx, result)
}

// shortKey stands for the key of an event that is not stored any more.
func (t *turn) shortKey(e *record.Effect) string {
	return e.Key.String()
}

// needsNoAccount reports whether the vendor knows users by our ids, or the effect asks
// nothing of an account.
func (t *turn) needsNoAccount() bool {
	_, ok := (*t.vendor.Port.Load()).(vendors.Addresser)
	return ok || record.IsActivityKey(t.user.key)
}
