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

// ending is a finished effect to publish.
type ending struct {
	*record.Finished
	event *Event
	gone  bool // the event left the stream; only its key is known, in part
}

// publish publishes the results of the finished effects of the record, and their history.
// Only then a position may be settled. The same effect gives the same result, byte for byte,
// each time.
func (t *turn) publish(ctx context.Context) error {
	list, err := t.unpublished(ctx)
	if err != nil {
		return err
	}
	for _, e := range list {
		err := t.publishOne(ctx, e)
		if err == nil {
			err = t.clear(ctx, e)
		}
		if err != nil {
			return err
		}
		t.user.published[effectID{e.Key, e.Replay}] = true
	}
	for id := range t.user.published {
		if !hasFinished(t.user.stored.record.Finished, id) {
			delete(t.user.published, id)
		}
	}
	return nil
}

// unpublished returns the finished effects that may not be published. An effect that a newer
// owner still claims has to wait: the outcome of that owner may replace it.
func (t *turn) unpublished(ctx context.Context) (list []ending, err error) {
	r := t.user.stored.record
	for i := range r.Finished {
		f := &r.Finished[i]
		if t.isPublished(f) || r.Claims(f.Key, f.Replay) {
			continue
		}
		e := ending{Finished: f}
		switch e.event, err = t.eventOf(ctx, f); {
		case errors.Is(err, ErrGone):
			e.event, e.gone = t.gone(&f.Effect), true
		case err != nil:
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
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

// publishOne publishes the result of a finished effect, and its history beside it.
func (t *turn) publishOne(ctx context.Context, e ending) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return t.appendHistory(ctx, e) })
	group.Go(func() error { return t.publishEnding(ctx, e) })
	return group.Wait()
}

func (t *turn) publishEnding(ctx context.Context, e ending) error {
	if !e.gone {
		return t.publishResult(ctx, e.event, e.Finished)
	}
	if e.Class != classExpired && e.Delivered() { // a dead letter says so, or the former core has published
		t.deps.Log.Error().Str("vendor", t.vendor.Name).Str("type", e.Type).Str("outcome", e.Kind).
			Msg("a result cannot be published: its event left the stream")
	}
	return nil
}

// clear removes what is not needed any more once an effect is published: the message of a
// replay, and a dead letter of an effect that ended well after all.
func (t *turn) clear(ctx context.Context, e ending) error {
	if e.gone {
		return nil
	}
	if e.By == "" { // no attempt has reported it
		t.report(e.event, &e.Effect, e.Outcome, time.Time{})
	}
	if t.mayHaveDeadLetter(e.Finished) {
		if err := t.deps.DeadLetters.Settle(ctx, t.vendor.Name, e.Type, e.event.Key, e.Replay); err != nil {
			return err
		}
	}
	if e.Replay > 0 && e.Delivered() {
		return t.deps.Replays.Remove(ctx, e.ReplaySeq)
	}
	return nil
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
