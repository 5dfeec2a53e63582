package mailbox

import (
	"context"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
)

// netDelay is the delay of the timer under work that goes on from memory.
const netDelay = 2 * time.Second

// fullPause is the pause of a mailbox with arrivals in memory, without room for them, and with
// nothing to call now.
const fullPause = time.Second

// end ends a turn: end sets the timer, settles the registered positions, and acknowledges the
// wake, in this order. A mailbox with more to do now gets a further turn.
func (t *turn) end(ctx context.Context) remainder {
	more, due := false, t.plan.decision.Due
	if err := t.sendReturns(ctx); err != nil {
		if !t.user.stored.known { // the write has failed, not the replays
			return t.retry(ctx, err)
		}
		t.stepFailed(err)
		if again := t.deps.Ownership.Now().Add(returnsRetry); due.IsZero() || due.After(again) {
			due = again
		}
	}
	if !due.IsZero() {
		now := t.deps.Ownership.Now()
		more = !due.After(now) && t.open(WakeClass(t.user.key))
		if more && t.goesOn() {
			return t.goOn(ctx)
		}
		if more {
			due = now.Add(netDelay)
		}
		if err := t.timers.arm(ctx, t.user, due); err != nil {
			return t.retry(ctx, err)
		}
	}
	if err := t.hand.settleFinished(ctx, t.user.stored.record); err != nil {
		return t.retry(ctx, err)
	}
	left := t.hand.settleRegistered(t.user.stored.record)
	t.logLoss()
	t.wake.acknowledge()
	t.succeeded()
	t.noteWaits(t.user)
	t.user.goneOn = 0
	r := remainder{work: work{class: WakeClass(t.user.key), arrivals: left}, again: more || len(left) > 0}
	if len(left) > 0 && t.plan.full && !more { // such as while the vendor is on hold
		r.pause = fullPause
	}
	return r
}

// The bounds of the turns of a mailbox that go on without a timer, so that nobody holds the position
// back for long.
const (
	mostGoneOn     = 5
	goneOnArrivals = 4 * turnCalls
)

// goesOn reports whether the next turn may go on from the arrivals in hand, without a timer.
func (t *turn) goesOn() bool {
	return t.user.goneOn < mostGoneOn && len(t.hand.list) <= goneOnArrivals && t.hand.holdsBack(t.user.stored.record)
}

// goOn ends a turn of a mailbox with more to do now. The arrivals stay in hand and hold the position
// back; the safety net sets a timer if the next turn does not begin soon.
func (t *turn) goOn(ctx context.Context) remainder {
	if err := t.hand.settleFinished(ctx, t.user.stored.record); err != nil {
		return t.retry(ctx, err)
	}
	t.wake.acknowledge()
	t.succeeded()
	t.noteWaits(t.user)
	t.user.goneOn++
	t.user.endNet = t.attempts.safetyNet(ctx)
	return remainder{work: work{class: WakeClass(t.user.key), arrivals: t.hand.list}, again: true}
}

// armNext sets the timer of the next step before the events that have made the step possible are
// settled, such as the creation of an account before an enrolment that has waited for it: after a crash,
// nothing else would wake the mailbox in time. No timer is needed while the wake is in hand, or while
// arrivals in hand hold the position back.
func (t *turn) armNext(ctx context.Context) error {
	now, d := t.deps.Ownership.Now(), t.plan.decision
	due, r := d.Due, t.user.stored.record
	switch {
	case t.wake != nil:
		return nil
	case d.Action == record.Call:
		if t.hand.holds(&d.Effect) {
			return nil
		}
		due = now.Add(t.config.CallLease + t.config.CallTimeout)
	case due.IsZero():
		return nil
	case !due.After(now):
		if t.hand.holdsBack(r) {
			return nil
		}
		due = now.Add(netDelay)
	}
	return t.timers.arm(ctx, t.user, due)
}
