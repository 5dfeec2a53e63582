package mailbox

import (
	"context"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// refuseInvalid ends a turn whose events can never be carried out. There is no record of
// them, since there may be no user.
func (t *turn) refuseInvalid(ctx context.Context) bool {
	if !strings.HasPrefix(t.user.key, invalidPrefix) {
		return false
	}
	for len(t.arrivals) > 0 {
		a := t.arrivals[0]
		o := record.Outcome{Kind: events.Failed, Class: classInvalid, Message: message(a.event.Invalid)}
		if err := t.refuse(ctx, a, o); err != nil {
			t.retry(ctx, err)
			return true
		}
		t.arrivals = t.arrivals[1:]
	}
	return true
}

// giveUp ends the events of a user whose record cannot be read, as dead letters.
func (t *turn) giveUp(ctx context.Context, cause error) error {
	for len(t.arrivals) > 0 {
		o := record.Outcome{Kind: events.Failed, Class: classRecord, Message: cause.Error()}
		if err := t.refuse(ctx, t.arrivals[0], o); err != nil {
			return err
		}
		t.arrivals = t.arrivals[1:]
	}
	for _, ack := range t.wakes {
		ack()
	}
	return nil
}

// refuse ends an arrival without a record, as a dead letter.
func (t *turn) refuse(ctx context.Context, a *arrival, o record.Outcome) error {
	if err := t.refuseEvent(ctx, a.event, o); err != nil {
		return err
	}
	if a.Replay > 0 {
		if err := t.deps.Replays.Remove(ctx, a.ReplaySeq); err != nil {
			return err
		}
	}
	a.done()
	return nil
}

// refuseEvent ends an event without a record, as a dead letter. The dead letter and the
// result depend on the message alone, and so are the same if they are published again.
func (t *task) refuseEvent(ctx context.Context, event *Event, o record.Outcome) error {
	o.At = event.Message.Stored.UTC()
	f := record.Finished{
		Effect: record.Effect{
			Key: record.KeyOf(event.Key), Replay: event.Replay, Position: event.Message.Position, Type: event.Type, Registered: o.At, Attempts: 1,
		},
		Outcome: o,
	}
	t.startSpan(ctx, event, time.Now())
	defer t.endSpan()
	if err := t.bury(ctx, event, &f.Effect, o); err != nil {
		return err
	}
	if err := t.publishResult(ctx, event, &f); err != nil {
		return err
	}
	t.report(event, &f.Effect, o, time.Time{})
	return nil
}
