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
	t.succeeded()
	return true
}

// giveUp ends the events in hand of a user whose record cannot be read, as dead letters of
// class record, and acknowledges the wakes. What is pending in the record stands still until
// a person has restored the record (docs/runbook.md).
func (t *turn) giveUp(ctx context.Context, cause error) error {
	for len(t.arrivals) > 0 {
		a := t.arrivals[0]
		o := record.Outcome{Kind: events.Failed, Class: classRecord, Message: cause.Error()}
		f := refusal(a.event, o)
		if err := t.appendHistory(ctx, a.event.Key, &f); err != nil {
			return err
		}
		if err := t.refuse(ctx, a, o); err != nil {
			return err
		}
		t.arrivals = t.arrivals[1:]
	}
	t.deps.Log.Error().Err(cause).Str("vendor", t.vendor.Name).Str("record", t.user.key).
		Msg("the record of a user cannot be read: its pending effects stand still until it is restored")
	if t.deps.Observe != nil {
		t.deps.Observe(Observation{Vendor: t.vendor.Name, Class: classRecord})
	}
	t.acknowledge()
	t.deps.Failures.Succeeded() // the store works
	return nil
}

// refusal returns the effect of an event that ends without a record. It depends on the
// message alone, and so is the same if it is published again.
func refusal(event *Event, o record.Outcome) record.Finished {
	o.At = event.Message.Stored.UTC()
	return record.Finished{
		Effect: record.Effect{
			Key: record.KeyOf(event.Key), Replay: event.Replay, Position: event.Message.Position,
			Type: event.Type, Scope: event.Handler.Scope, Course: event.Plan.Course, Registered: o.At, Attempts: 1,
		},
		Outcome: o,
	}
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

// refuseEvent ends an event without a record, as a dead letter.
func (t *task) refuseEvent(ctx context.Context, event *Event, o record.Outcome) error {
	f := refusal(event, o)
	t.startSpan(ctx, event, time.Now())
	defer t.endSpan()
	if err := t.bury(ctx, event, &f.Effect, f.Outcome); err != nil {
		return err
	}
	if err := t.publishResult(ctx, event, &f); err != nil {
		return err
	}
	t.report(event, &f.Effect, f.Outcome, time.Time{})
	return nil
}
