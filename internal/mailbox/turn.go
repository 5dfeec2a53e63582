package mailbox

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
)

// The bounds of a turn. The rest of a mailbox gets a further turn, as a wake.
const (
	turnCalls    = 8
	turnSpan     = 2 * time.Second
	turnArrivals = 500 // events registered by one write, at most
)

// turn is the work on one mailbox, from the arrivals and the wake to the next timer.
type turn struct {
	*Mailboxes
	user      *user
	class     Class
	wake      *wake
	began     time.Time
	hand      *hand
	accounts  *accounts
	deletions *deletions
	outbox    *outbox
	attempts  *attempts

	plan     *plan     // of the last write
	sent     time.Time // just before the last write
	result   *result   // of the last call, until the record has the result
	calls    int
	admitted bool // a share of the vendor's rate was taken
	failed   bool // NATS failed a step of an attempt; a later attempt repeats the step
}

func newTurn(m *Mailboxes, u *user, w work) *turn {
	if w.wake != nil {
		u.timer.due = time.Time{}
	}
	t := &turn{
		Mailboxes: m, user: u, class: w.class, wake: w.wake, began: time.Now(),
		hand: &hand{m.parts, w.arrivals}, accounts: &accounts{parts: m.parts, user: u},
	}
	t.deletions = &deletions{parts: m.parts, hand: t.hand}
	t.outbox = &outbox{publisher: &publisher{reporter: &reporter{parts: m.parts}}, user: u, hand: t.hand}
	t.attempts = &attempts{
		publisher: t.outbox.publisher, user: u, hand: t.hand, class: w.class, accounts: t.accounts, deletions: t.deletions, timers: &m.timers,
	}
	return t
}

// run works on the mailbox. Each round is one write of the record, with the arrivals, the
// outcome of the last call, and the claim of the next call; then the results are published,
// and the call is made. A crash between any two steps repeats the steps without harm.
func (t *turn) run() remainder {
	write := t.phases.write
	defer t.outbox.endSpan()
	if strings.HasPrefix(t.user.key, invalidPrefix) {
		return t.refuseInvalid(write)
	}
	for {
		err := t.store(write)
		if err == nil {
			err = t.outbox.publish(write)
		}
		decision := t.plan.decision
		if err == nil && decision.Action == record.StepDown {
			t.deps.Ownership.StepDown(t.user.stored.record.Token)
			return remainder{}
		}
		if err == nil {
			t.outbox.endSpan()
			err = t.hand.settleFinished(write, t.user.stored.record)
		}
		if err != nil {
			return t.retry(write, err)
		}
		if decision.Action != record.Call {
			return t.end(write)
		}
		t.calls++
		t.take(t.attempts.attempt(t.phases, decision.Effect, t.sent))
	}
}

// take keeps the result of an attempt for the next write.
func (t *turn) take(x *result) {
	t.result = x
	if x.failure != nil {
		t.stepFailed(x.failure)
	}
}

// stepFailed accounts for a step that NATS failed.
func (t *turn) stepFailed(err error) {
	t.failed = true
	t.deps.Failures.failed(t.deps.Log, t.vendor.Name, err)
}

// succeeded accounts for the end of a turn with nothing to repeat.
func (t *turn) succeeded() {
	t.user.failures = 0
	if !t.failed {
		t.deps.Failures.succeeded()
	}
}

// netDelay is the delay of the timer under work that goes on from memory.
const netDelay = 2 * time.Second

// fullPause is the pause of a mailbox with arrivals in memory, without room for them, and with
// nothing to call now.
const fullPause = time.Second

// end ends a turn: end sets the timer, settles the registered positions, and acknowledges the
// wake, in this order. A mailbox with more to do now gets a further turn.
func (t *turn) end(ctx context.Context) remainder {
	more, due := false, t.plan.decision.Due
	if !due.IsZero() {
		now := t.deps.Ownership.Now()
		more = !due.After(now) && t.open(WakeClass(t.user.key))
		if more {
			due = now.Add(netDelay)
		}
		if err := t.timers.arm(ctx, t.user, due); err != nil {
			return t.retry(ctx, err)
		}
	}
	left := t.hand.settleRegistered(t.user.stored.record)
	t.wake.acknowledge()
	t.succeeded()
	t.noteWaits(t.user)
	r := remainder{work: work{class: WakeClass(t.user.key), arrivals: left}, again: more || len(left) > 0}
	if len(left) > 0 && t.plan.full && !more { // such as while the vendor is on hold
		r.pause = fullPause
	}
	return r
}

// unreadableTries is the number of reads of an unreadable record before the events of the user
// become dead letters.
const unreadableTries = 5

// retry gives all work back after a failure of NATS, for a turn after a growing pause.
func (t *turn) retry(ctx context.Context, err error) remainder {
	t.user.failures++
	delay := min(100*time.Millisecond<<min(t.user.failures, 10), 5*time.Second)
	t.stepFailed(err)
	t.user.stored = stored{} // the store may have another version
	if unreadable := (unreadableError{}); errors.As(err, &unreadable) && t.user.failures >= unreadableTries && t.giveUp(ctx, err) == nil {
		return remainder{}
	}
	return remainder{work: work{t.class, t.hand.list, t.wake}, again: true, pause: delay}
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

// giveUp ends the events in hand of a user with an unreadable record, as dead letters of class
// record, and acknowledges the wake. Pending effects of the record stand still until a person
// has restored the record (docs/runbook.md).
func (t *turn) giveUp(ctx context.Context, cause error) error {
	if err := t.outbox.refuseAll(ctx, func(*Event) record.Outcome { return failed(classRecord, cause.Error()) }); err != nil {
		return err
	}
	t.deps.Log.Error().Err(cause).Str("vendor", t.vendor.Name).Str("record", t.user.key).
		Msg("the record of a user cannot be read: its pending effects stand still until it is restored")
	if t.deps.Observe != nil {
		t.deps.Observe(Observation{Vendor: t.vendor.Name, Class: classRecord})
	}
	t.wake.acknowledge()
	t.deps.Failures.succeeded() // the store works
	return nil
}
