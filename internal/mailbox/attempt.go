package mailbox

import (
	"context"
	"errors"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/brake"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// longCall is the time after which a call gets a timer as a safety net, and no longer holds
// back the positions of the turn.
const longCall = 500 * time.Millisecond

// result is what came of an attempt, until it is stored.
type result struct {
	event  *Event
	effect record.Effect
	nonce  string
	// Either an outcome with its change:
	outcome *record.Outcome
	change  record.Change
	// or a pause:
	pause record.Pause
	// noAccount is the time of a look-up that found no account; zero if none was made.
	noAccount time.Time

	stored record.Stored
}

// attempt makes one attempt at the effect that the record claims. Its result is written by
// the next store.
func (t *turn) attempt(ctx context.Context, e record.Effect) {
	t.calls++
	began := time.Now()
	t.result = &result{effect: e, nonce: t.user.stored.record.Claim.Nonce}
	event, err := t.event(t.write, &e)
	switch {
	case errors.Is(err, ErrGone), errors.Is(err, errUndelivered) && t.deps.Ownership.Now().Sub(t.deps.Ownership.Since()) >= t.config.MaxAge:
		t.expire(&e)
		return
	case err != nil: // NATS failed, or the replay is not delivered: the effect was not attempted
		if !errors.Is(err, errUndelivered) {
			t.stepFailed(err)
		}
		t.result.pause = record.Pause{Due: t.deps.Ownership.Now().Add(t.backoff(e.Attempts, 0)), Unconfirmed: e.Unconfirmed}
		return
	case event.Invalid != nil: // such as a course that is not configured any more
		t.fail(event, &e, event.Invalid, 0)
		return
	case !e.Unconfirmed && e.Attempts == 1 && events.Expired(event.Event, t.deps.Ownership.Now()):
		t.result.outcome = &record.Outcome{Kind: events.Superseded, At: t.now()}
		return
	}
	t.startSpan(ctx, event, began)
	if verdict, _ := t.verdict(&e); verdict == brake.Drop {
		t.fail(event, &e, errDropped, 0)
		return
	}
	stop := t.safetyNet(t.write)
	reply, err := t.call(ctx, event, &e)
	stop()
	if !errors.Is(err, errReserve) {
		t.deps.Gate.Report(t.user.key, err)
	}
	took := time.Since(began)
	if err != nil {
		t.fail(event, &e, err, took)
		return
	}
	x := t.result
	x.event, x.change = event, changeOf(event, reply)
	x.outcome = &record.Outcome{Kind: reply.Outcome, AccountID: reply.Account.ID, TookMS: took.Milliseconds(), At: t.now()}
	_ = t.reserveOutcome(t.write) // after a failure of NATS, store tries again
	if t.result == x {
		t.report(event, &e, *x.outcome, time.Time{})
	}
}

// now is the time of the server, as results have it.
func (t *turn) now() time.Time { return t.deps.Ownership.Now().UTC().Truncate(time.Millisecond) }

// call carries out the plan of an event. A call of the vendor may begin only within the call
// lease, counted from before the claim was stored, and while the ownership is certain; the
// vendor's client begins none that could not end before the deadline.
func (t *turn) call(ctx context.Context, event *Event, e *record.Effect) (handlers.Reply, error) {
	begin := t.sent.Add(t.config.CallLease)
	if until := t.deps.Ownership.Until(); until.Before(begin) {
		begin = until
	}
	ctx, cancel := context.WithDeadline(t.deps.Gate.Attach(t.inSpan(ctx), t.class), begin.Add(t.config.CallTimeout))
	defer cancel()
	return t.do(ctx, event, t.known(event, e))
}

// known is what the record says when a plan is carried out.
func (t *turn) known(event *Event, e *record.Effect) handlers.Known {
	r := t.user.stored.record.WithRepair(record.Repair{AccountID: event.Repair, Removes: event.Handler.Removes, Position: e.Position})
	k := handlers.Known{
		From: event.origin(), Active: r.State == record.Active, Gone: r.State == record.Deleted,
		Enrolled: r.Courses[e.Course].Enrolled, Unconfirmed: e.Unconfirmed, UnconfirmedLifecycle: r.HasUnconfirmedLifecycle(e.Key),
		PreviousAccountID: r.Former, Outdated: e.Position.Before(r.Data),
	}
	k.Account.ID = r.AccountID
	k.Reserve = func(ctx context.Context, a vendors.Account) error { return t.reserve(ctx, a.ID, event.Handler.Removes) }
	return k
}

// expire finishes an effect whose event is not stored any more.
func (t *turn) expire(e *record.Effect) {
	o := record.Outcome{Kind: events.Failed, At: t.now(), Class: classExpired, Message: goneMessage}
	gone := t.gone(e)
	if err := t.bury(t.write, gone, e, o); err != nil {
		t.stepFailed(err)
		t.result.pause = record.Pause{Due: t.deps.Ownership.Now().Add(t.config.RetryMin)}
		return
	}
	t.result.outcome = &o
	t.report(gone, e, o, time.Time{})
}

const goneMessage = "the event left the stream before it was finished"

// gone stands for the event of an effect that is not stored any more.
func (t *turn) gone(e *record.Effect) *Event {
	return &Event{Type: e.Type, Key: t.shortKey(e), Message: Message{Position: e.Position, Subject: e.Type}}
}

// fail turns a failed attempt into an outcome or a pause. The dead letter of an effect that
// is given up is stored before the outcome.
func (t *turn) fail(event *Event, e *record.Effect, cause error, took time.Duration) {
	pause, o := t.failure(e, cause, t.deps.Ownership.Now())
	o.TookMS = took.Milliseconds()
	if errors.Is(cause, handlers.ErrNoAccount) {
		t.result.noAccount = t.deps.Ownership.Now()
		t.user.noAccount = t.result.noAccount
	}
	if o.Kind == "" {
		t.result.pause = pause
		t.report(event, e, o, pause.Due)
		return
	}
	if err := t.bury(t.write, event, e, o); err != nil {
		t.stepFailed(err)
		t.result.pause = record.Pause{Due: t.deps.Ownership.Now().Add(t.config.RetryMin), Unconfirmed: mayHaveChanged(cause)}
		return
	}
	t.result.outcome = &o
	t.report(event, e, o, time.Time{})
}

// apply stores the result in the record.
func (x *result) apply(t *turn, r *record.Record) {
	a := record.Attempt{Key: x.effect.Key, Replay: x.effect.Replay, Nonce: x.nonce, HoldsPosition: t.holds(&x.effect)}
	if x.outcome != nil {
		x.stored = r.Finish(a, *x.outcome, x.change)
		return
	}
	x.stored = r.Postpone(a, x.pause)
	if x.stored == record.Mine && !x.noAccount.IsZero() {
		r.NoAccount(x.noAccount, t.config.PrerequisiteWait)
	}
}

// holds reports whether the turn holds back the position of an effect, and nobody else can
// commit it.
func (t *turn) holds(e *record.Effect) bool {
	a := t.arrivalOf(e)
	return a != nil && a.ours && !a.settled
}

// changeOf says what a reply makes of the account.
func changeOf(event *Event, r handlers.Reply) record.Change {
	h := event.Handler
	c := record.Change{
		AccountID: r.Account.ID, Applied: r.Outcome == events.Done || r.Outcome == events.AlreadyDone,
		Snapshot: h.Snapshot && r.Outcome == events.Done, Found: r.Found,
	}
	switch {
	case h.Scope == events.ScopeCourse:
		c.Enrolled = c.Applied && !h.Ends
		if c.Applied && r.Account.ID != "" { // a deleted user is in no course
			c.State = record.Active
		}
	case h.Removes: // no vendor is asked anything more of the user, even if it cannot delete
		c.Undeleted = r.Outcome == events.Unsupported
		c.State, c.Applied = record.Deleted, c.Applied || c.Undeleted
	case h.Scope.WholeAccount() && c.Applied:
		c.State = record.Active
	}
	return c
}
