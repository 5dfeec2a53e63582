package mailbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// outbox publishes the finished effects of a record.
type outbox struct {
	*publisher
	user *user
	hand *hand
}

// isPublished reports whether a finished effect is known to be published. An effect without
// the Publish flag held back the position until the publication, so a committed position is
// proof; not for activity, with an acknowledgement per event.
func (b *outbox) isPublished(f *record.Finished) bool {
	if b.user.published[idOf(&f.Effect)] {
		return true
	}
	return !f.Publish && f.Replay == 0 && f.Scope != events.ScopeActivity && !b.deps.Ownership.Committed().Before(f.Position)
}

// publish publishes the results of the finished effects of the record, and their history.
// Positions are settled later. An effect under the claim of a newer owner has to wait: the
// outcome of the owner may replace the outcome in the record.
func (b *outbox) publish(ctx context.Context) error {
	r := b.user.stored.record
	for i := range r.Finished {
		f := &r.Finished[i]
		if b.isPublished(f) || r.Claim.Is(f.Key, f.Replay) {
			continue
		}
		if err := b.publishOne(ctx, f); err != nil {
			return err
		}
		b.user.published[idOf(&f.Effect)] = true
	}
	for id := range b.user.published {
		if !slices.ContainsFunc(r.Finished, func(f record.Finished) bool { return idOf(&f.Effect) == id }) {
			delete(b.user.published, id)
		}
	}
	return nil
}

// publishOne publishes the result of a finished effect, and the history side by side. Then
// publishOne removes a dead letter of an effect that ended well after all, and the message of a
// replay as the last step.
func (b *outbox) publishOne(ctx context.Context, f *record.Finished) error {
	event, err := b.event(ctx, f)
	if errors.Is(err, ErrGone) {
		if f.Replay > 0 && f.Delivered() && f.Class != classExpired {
			return nil // the last step was made
		}
		if f.Class != classExpired && f.Delivered() { // a dead letter says so, or the former core has published
			b.deps.Log.Error().Str("vendor", b.vendor.Name).Str("type", f.Type).Str("outcome", f.Kind).
				Msg("a result cannot be published: its event left the stream")
		}
		return appendHistory(ctx, b.deps.History, entry(b.user.key, f.Key.String(), f))
	}
	if err != nil {
		return err
	}
	group, side := errgroup.WithContext(ctx)
	group.Go(func() error { return appendHistory(side, b.deps.History, entry(b.user.key, event.Key, f)) })
	group.Go(func() error { return b.result(side, event, f) })
	if err := group.Wait(); err != nil {
		return err
	}
	if f.By == "" { // no attempt has reported the outcome
		b.report(event, &f.Effect, f.Outcome, time.Time{})
	}
	if b.mayHaveDeadLetter(f) {
		if err := b.deps.DeadLetters.Settle(ctx, b.vendor.Name, f.Type, event.Key, f.Replay); err != nil {
			return err
		}
	}
	if f.Replay > 0 && f.Delivered() {
		return b.deps.Replays.Remove(ctx, f.ReplaySeq)
	}
	return nil
}

// event returns the event of a finished effect. The event of a replay stands for a missing
// message of the replay, carried out by the former core.
func (b *outbox) event(ctx context.Context, f *record.Finished) (*Event, error) {
	event, err := b.hand.event(ctx, &f.Effect)
	if errors.Is(err, errUndelivered) {
		original := f.Effect
		original.Replay = 0
		event, err = b.hand.event(ctx, &original)
	}
	return event, err
}

// mayHaveDeadLetter reports whether an effect that ended well may have a dead letter. A dead
// letter is stored before the outcome, and the outcome may then get lost.
func (b *outbox) mayHaveDeadLetter(f *record.Finished) bool {
	attempts := 1 // the last attempt ended well
	if f.Kind == events.Superseded {
		attempts = 0
	}
	tried := f.Replay > 0 || f.Attempts > attempts
	overdue := !f.Begun.IsZero() && f.At.Sub(f.Begun) >= b.config.PrerequisiteWait
	rejected := !b.user.stored.record.Rejected.Before(f.Position)
	return f.Kind != events.Failed && (tried || overdue || rejected)
}

// buryRejected stores the dead letters of the rejected arrivals.
func (b *outbox) buryRejected(ctx context.Context) error {
	for _, a := range b.hand.list {
		if a.rejected == nil || a.buried {
			continue
		}
		e := record.Effect{Key: record.KeyOf(a.event.Key), Replay: a.Replay, Position: a.Position, Type: a.Type, Registered: a.rejected.At}
		if err := b.bury(ctx, a.event, &e, *a.rejected); err != nil {
			return err
		}
		a.buried = true
	}
	return nil
}

// buryOverdue stores the dead letters of overdue effects.
func (b *outbox) buryOverdue(ctx context.Context, overdue []record.Effect) error {
	for i := range overdue {
		e := &overdue[i]
		if _, ok := b.user.missed[idOf(e)]; ok {
			continue
		}
		o := failed(classPrerequisite, message(handlers.ErrNoAccount))
		o.At = stamp(b.deps.Ownership.Now())
		event, err := b.hand.event(ctx, e)
		if errors.Is(err, ErrGone) {
			event, o, err = gone(e), expired(o.At), nil
		}
		if err == nil {
			err = b.bury(ctx, event, e, o)
		}
		if err != nil {
			return err
		}
		if b.user.missed == nil {
			b.user.missed = map[effectID]record.Outcome{}
		}
		b.user.missed[idOf(e)] = o
	}
	return nil
}

// refuseAll ends the arrivals in hand without a record, as dead letters. An invalid event has no
// history, since there may be no user.
func (b *outbox) refuseAll(ctx context.Context, outcome func(*Event) record.Outcome) error {
	for len(b.hand.list) > 0 {
		a := b.hand.list[0]
		o := outcome(a.event)
		if f := refusal(a.event, o); !strings.HasPrefix(b.user.key, invalidPrefix) {
			if err := appendHistory(ctx, b.deps.History, entry(b.user.key, a.event.Key, &f)); err != nil {
				return err
			}
		}
		if err := b.refuse(ctx, a.event, o); err != nil {
			return err
		}
		if a.Replay > 0 {
			if err := b.deps.Replays.Remove(ctx, a.ReplaySeq); err != nil {
				return err
			}
		}
		a.done()
		b.hand.list = b.hand.list[1:]
	}
	return nil
}
