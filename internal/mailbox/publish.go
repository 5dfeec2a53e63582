package mailbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// isPublished reports whether the result of a finished effect is known to be published. An
// effect without the Publish flag held its position back until then, so a committed
// position proves it; not for activity, which is acknowledged one by one.
func (t *turn) isPublished(f *record.Finished) bool {
	if t.user.published[effectID{f.Key, f.Replay}] {
		return true
	}
	return !f.Publish && f.Replay == 0 && f.Scope != events.ScopeActivity && !t.deps.Ownership.Committed().Before(f.Position)
}

// publish publishes the results of the finished effects of the record. Only then a position
// may be settled. The same effect gives the same result, byte for byte, each time. An effect
// that a newer owner still claims has to wait: the outcome of that owner may replace it.
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

func hasFinished(list []record.Finished, id effectID) bool {
	for i := range list {
		if list[i].Key == id.key && list[i].Replay == id.replay {
			return true
		}
	}
	return false
}

// publishOne publishes the result of a finished effect. The message of a replay is removed
// after its result, and a dead letter of an effect that ended well after all too.
func (t *turn) publishOne(ctx context.Context, f *record.Finished) error {
	event, err := t.event(ctx, &f.Effect)
	if errors.Is(err, ErrGone) {
		if f.Class == classExpired { // the dead letter says so
			return nil
		}
		t.deps.Log.Error().Str("vendor", t.vendor.Name).Str("type", f.Type).Str("outcome", f.Kind).
			Msg("a result cannot be published: its event left the stream")
		return nil
	}
	if err != nil {
		return err
	}
	if err := t.publishResult(ctx, event, f); err != nil {
		return err
	}
	if f.By == "" { // no attempt has reported it
		t.report(event, &f.Effect, f.Outcome, time.Time{})
	}
	if mayHaveDeadLetter(f) {
		if err := t.deps.DeadLetters.Settle(ctx, t.vendor.Name, f.Type, event.Key, f.Replay); err != nil {
			return err
		}
	}
	if f.Replay > 0 {
		return t.deps.Replays.Remove(ctx, f.ReplaySeq)
	}
	return nil
}

// mayHaveDeadLetter reports whether an effect that ended well may have a dead letter. A dead
// letter is stored before the outcome, which may then get lost.
func mayHaveDeadLetter(f *record.Finished) bool {
	last := 1 // the attempt that ended well
	if f.Kind == events.Superseded {
		last = 0
	}
	return f.Kind != events.Failed && (f.Replay > 0 || f.Attempts > last)
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
	return fmt.Sprintf("%016x", uint64(e.Key))
}

// needsNoAccount reports whether the vendor knows users by our ids, or the effect asks
// nothing of an account.
func (t *turn) needsNoAccount() bool {
	_, ok := (*t.vendor.Port.Load()).(vendors.Addresser)
	return ok || IsEffectKey(t.user.key)
}
