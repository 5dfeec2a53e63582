package mailbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/vendors"
)

// result is the result of an attempt, until the record has the result.
type result struct {
	arrival *arrival // nil: the event was read from the streams
	event   *Event
	effect  record.Effect
	nonce   string
	// Either an outcome with its change:
	outcome *record.Outcome
	change  record.Change
	// or a pause:
	pause record.Pause
	// noAccount is the time of a look-up without an account; zero without such a look-up.
	noAccount time.Time
	// failure is the error of a step that NATS failed, and that a later attempt repeats.
	failure error
}

// apply stores the result in a record.
func (x *result) apply(r *record.Record, wait time.Duration) {
	a := record.Attempt{Key: x.effect.Key, Replay: x.effect.Replay, Nonce: x.nonce}
	// A former owner may commit the position if the event was registered before.
	a.HoldsPosition = x.arrival != nil && x.arrival.ours && !x.arrival.settled
	if x.outcome != nil {
		if stored := r.Finish(a, *x.outcome, x.change); stored == record.Mine && x.outcome.Class == classPrerequisite {
			r.Miss(&x.effect, x.event.Key)
		}
		return
	}
	if r.Postpone(a, x.pause) == record.Mine && !x.noAccount.IsZero() {
		r.NoAccount(x.noAccount, wait)
	}
}

// attempts makes the attempts of a turn.
type attempts struct {
	*publisher
	user      *user
	hand      *hand
	class     Class
	accounts  *accounts
	deletions *deletions
	timers    *timers
}

// attempt makes one attempt at the effect under the claim of the record, stored after the time
// sent.
func (t *attempts) attempt(p Phases, e record.Effect, sent time.Time) *result {
	began, own := time.Now(), t.deps.Ownership
	event, err := t.hand.event(p.write, &e)
	x := &result{arrival: t.hand.of(&e), event: event, effect: e, nonce: t.user.stored.record.Claim.Nonce}
	switch {
	case errors.Is(err, ErrGone), errors.Is(err, errUndelivered) && own.Now().Sub(own.Since()) >= t.config.MaxAge:
		return t.expire(p.write, x)
	case err != nil: // NATS failed, or the replay is not delivered: the effect was not attempted
		if !errors.Is(err, errUndelivered) {
			x.failure = err
		}
		x.pause = record.Pause{Due: own.Now().Add(backoff(t.config, e.Attempts, 0)), Unconfirmed: e.Unconfirmed}
		return x
	case event.Invalid != nil: // such as a course that is not configured any more
		here := *event
		here.All = false // other vendors may have carried the event out before
		x.event = &here
		return t.fail(p.write, x, event.Invalid, 0)
	case !e.Unconfirmed && e.Attempts == 1 && events.Expired(event.Event, own.Now()):
		x.outcome = &record.Outcome{Kind: events.Superseded, At: stamp(own.Now())}
		return x
	}
	t.startSpan(p.call, event, began)
	if verdict, _ := t.deletions.verdict(&e); verdict == deletionguard.Discard {
		return t.fail(p.write, x, errDropped, 0)
	}
	data, err := t.profile(p.write, event)
	switch {
	case errors.Is(err, profile.ErrUnreadable):
		return t.fail(p.write, x, err, 0)
	case err != nil:
		x.failure = err
		x.pause = record.Pause{Due: own.Now().Add(backoff(t.config, e.Attempts, 0)), Unconfirmed: e.Unconfirmed}
		return x
	}
	known := t.known(x)
	known.Profile = data
	reply, err := t.call(p, x, known, sent)
	took := time.Since(began)
	switch {
	case errors.Is(err, errHeld):
		x.pause = record.Pause{Held: true, Due: t.deletions.heldUntil(own.Now())}
		return x
	case err != nil:
		return t.fail(p.write, x, err, took)
	}
	x.change = changeOf(event, reply)
	x.change.Later = t.later(event, own.Now())
	o := outcomeOf(reply, own.Now())
	if event.Later {
		o.Reason = cmp.Or(o.Reason, record.ReasonLater)
	}
	o.TookMS = took.Milliseconds()
	x.outcome = &o
	reserved, _ := t.reserveOutcome(p.write, x) // after a failure of NATS, store tries again
	if reserved == x {
		t.report(event, &e, *x.outcome, time.Time{})
	}
	return reserved
}

// call carries out the plan of an event. A call of the vendor may begin only within the call
// lease, counted from before the claim was stored, and while the ownership is certain; the
// vendor's client begins none that could not end before the deadline.
func (t *attempts) call(p Phases, x *result, known handlers.Known, sent time.Time) (handlers.Reply, error) {
	begin := sent.Add(t.config.CallLease)
	if until := t.deps.Ownership.Until(); until.Before(begin) {
		begin = until
	}
	stop := t.safetyNet(p.write)
	defer stop()
	return t.do(t.within(p.call), call{event: x.event, known: known, class: t.class, begin: begin, user: t.user.key})
}

// call is one attempt to carry out the plan of an event.
type call struct {
	event *Event
	known handlers.Known
	class Class
	begin time.Time // calls of the vendor may begin until then
	user  string    // for the gate
}

// do carries out the plan of an event, and reports the answer to the gate.
func (p *parts) do(ctx context.Context, c call) (handlers.Reply, error) {
	ctx, cancel := context.WithDeadline(p.deps.Gate.Attach(ctx, c.class), c.begin.Add(p.config.CallTimeout))
	defer cancel()
	reply, err := p.recovered(ctx, c)
	err = vendors.Named(p.vendor.Name, err)
	if asked(reply, err) {
		p.deps.Gate.Report(c.user, err)
	}
	return reply, err
}

// asked reports whether the vendor may have been called in an attempt with this result.
func asked(reply handlers.Reply, err error) bool {
	_, unruled := errors.AsType[*handlers.RuleError](err)
	kept := errors.Is(err, errReserve) || errors.Is(err, errHeld) || errors.Is(err, errDropped)
	return !unruled && !kept && (err != nil || reply.Asked())
}

// recovered calls the handler. A panic becomes an error.
func (p *parts) recovered(ctx context.Context, c call) (reply handlers.Reply, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			p.deps.Log.Error().Str("vendor", p.vendor.Name).Str("type", c.event.Type).Bytes("stack", debug.Stack()).Msg("a handler panicked")
			err = fmt.Errorf("%w (a %T)", errPanic, panicked)
		}
	}()
	return c.event.Plan.Do(ctx, c.known)
}

// longCall is the time after which a call gets a timer as a safety net, and no longer holds
// back the positions of the turn.
const longCall = 2 * time.Second

// safetyNet sets a timer under a long call, and settles the registered positions: one slow call
// must not hold back the committed position. The returned function ends the watch.
func (t *attempts) safetyNet(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	watch := time.AfterFunc(longCall, func() {
		defer close(done)
		due := t.deps.Ownership.Now().Add(t.config.CallLease + t.config.CallTimeout)
		if t.timers.arm(ctx, t.user, due) == nil {
			t.hand.settleRegistered(t.user.stored.record)
		}
	})
	return func() {
		if !watch.Stop() {
			<-done
		}
	}
}

// known is the knowledge of the record for a plan.
func (t *attempts) known(x *result) handlers.Known {
	event, e := x.event, &x.effect
	r := record.Repair{AccountID: event.Repair, Removes: event.Handler.Removes, Position: e.Position}.Of(*t.user.stored.record)
	k := handlers.Known{
		From: event.origin(), Active: r.State == record.Active, Gone: r.State == record.Deleted,
		Enrolled: r.Courses[e.Course].Enrolled, Unconfirmed: e.Unconfirmed, UnconfirmedLifecycle: record.HasUnconfirmedLifecycle(&r, e.Key),
		PreviousAccountID: r.Former, Disabled: r.State == record.Deleted && r.Disabled, Outdated: e.Position.Before(r.Data),
	}
	k.Account.ID, k.PerhapsRemoved = r.AccountID, r.PerhapsRemoved
	removes := event.Handler.Removes
	k.Reserve = func(ctx context.Context, a vendors.Account) error {
		return t.accounts.reserve(ctx, a.ID, removes)
	}
	if t.deletions != nil { // a forecast asks no guard
		k.MayRemove = func(ctx context.Context) error {
			removes = true
			return t.deletions.mayRemove(ctx, e)
		}
	}
	return k
}

// changeOf returns the change of the account by a reply.
func changeOf(event *Event, r handlers.Reply) record.Change {
	h := event.Handler
	c := record.Change{
		AccountID: r.Account.ID, Applied: r.Outcome == events.Done || r.Outcome == events.AlreadyDone,
		Snapshot: h.Snapshot && r.Outcome == events.Done && !r.Left, Found: r.Found,
		Confirmed: h.Scope.WholeAccount() && r.Reason != handlers.ReasonShadow,
	}
	switch {
	case h.Scope == events.ScopeCourse:
		c.Enrolled = c.Applied && !h.Ends
		if c.Applied && r.Account.ID != "" { // a deleted user is in no course
			c.State = record.Active
		}
	case h.Removes, r.Left: // the vendor is asked nothing more of the user, even without a way to delete
		c.Undeleted, c.Disabled = r.Outcome == events.Unsupported, r.Disabled
		c.State, c.Applied = record.Deleted, c.Applied || c.Undeleted
	case h.Scope.WholeAccount() && c.Applied:
		c.State = record.Active
	}
	return c
}

// reserveOutcome reserves the account of an outcome before the outcome is stored, and returns
// the result to store: a failure if another user holds the account. Errors are errors of NATS.
func (t *attempts) reserveOutcome(ctx context.Context, x *result) (*result, error) {
	var err error
	if account := x.holds(); x.outcome != nil && x.outcome.Action == events.ActionCreated {
		err = t.accounts.reserveMade(ctx, account)
	} else {
		err = t.accounts.reserve(ctx, account, false)
	}
	held, conflict := errors.AsType[*heldError](err)
	if !conflict {
		return x, err
	}
	if x.outcome.Kind == events.Done {
		err = fmt.Errorf("%w (%w)", held, handlers.ErrChanged)
	}
	failed := &result{arrival: x.arrival, event: x.event, effect: x.effect, nonce: x.nonce}
	return t.fail(ctx, failed, err, time.Duration(x.outcome.TookMS)*time.Millisecond), nil
}

// holds returns the account that the record gets with the outcome, if any.
func (x *result) holds() string {
	if x.outcome == nil || !x.change.Applied || x.change.State != record.Active {
		return ""
	}
	return x.change.AccountID
}
