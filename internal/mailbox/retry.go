package mailbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
)

// unreadableTries is the number of reads of an unreadable record before the events of the user
// become dead letters.
const unreadableTries = 5

// retry gives all work back after a failure of NATS, for a turn after a growing pause.
func (t *turn) retry(ctx context.Context, err error) remainder {
	t.user.failures++
	delay := min(100*time.Millisecond<<min(t.user.failures, 10), 5*time.Second)
	t.stepFailed(err)
	t.user.stored, t.user.profile = stored{}, nil // the stores may have other versions
	if _, unreadable := errors.AsType[unreadableError](err); unreadable && t.user.failures >= unreadableTries && t.giveUp(ctx, err) == nil {
		return remainder{}
	}
	return remainder{work: work{t.class, t.hand.list, t.wake}, again: true, pause: delay}
}

// giveUp ends the events in hand of a user with an unreadable record, as dead letters of class
// record, and acknowledges the wake. Pending effects of the record stand still until a person
// has restored the record (docs/runbook.md). So do events settled under a long call: the record
// has them, and may have ended them with another outcome.
func (t *turn) giveUp(ctx context.Context, cause error) error {
	t.hand.list = slices.DeleteFunc(t.hand.list, func(a *arrival) bool { return a.settled })
	if err := t.outbox.refuseAll(ctx, func(*Event) record.Outcome { return failed(classRecord, cause.Error()) }); err != nil {
		return err
	}
	t.deps.Log.Error().Err(cause).Str("vendor", t.vendor.Name).Str("record", t.user.key).
		Msg("the record of a user cannot be read: its pending effects stand still until it is restored")
	if t.deps.Observe != nil {
		t.deps.Observe(Observation{Vendor: t.vendor.Name, Class: classRecord})
	}
	t.wake.acknowledge()
	t.deps.Failures.Succeeded() // the store works
	return nil
}

// refuseInvalid ends a turn of events that can never be carried out. The events have no record,
// since there may be no user.
func (t *turn) refuseInvalid(ctx context.Context) remainder {
	err := t.outbox.refuseAll(ctx, func(e *Event) record.Outcome { return failed(classInvalid, message(e.Invalid)) })
	if err != nil {
		return t.retry(ctx, err)
	}
	t.succeeded()
	return remainder{}
}
