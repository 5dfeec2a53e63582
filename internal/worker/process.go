package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/brake"
	"github.com/usherhq/usher/internal/ledger"
)

// settlement is what becomes of a delivery.
type settlement struct {
	ack   bool
	nak   bool
	delay time.Duration // for nak
}

var (
	acked = settlement{ack: true}
	// left is neither acked nor naked: another delivery sees to it, or the server
	// delivers it again after AckWait.
	left = settlement{}
)

func again(after time.Duration) settlement { return settlement{nak: true, delay: after} }

// unwell is how long to wait after NATS itself failed a step.
const unwell = time.Second

// process takes one delivery all the way and says what becomes of it. Vendor
// calls and waits end with ctx; what was done is written down all the same,
// until record ends.
func (w *Worker) process(ctx, record context.Context, t *task, s slot) settlement {
	defer t.end()
	t.begun = time.Now()
	switch {
	case t.invalid != nil:
		_, record = w.traced(ctx, record, t)
		return w.refuse(record, t)
	case t.plan.Skip:
		return acked
	}
	w.recent.take(t)
	defer w.recent.keep(t)
	sent := t.begun
	d, known, err := w.claim(ctx, t)
	w.contested(d.Step)
	if err == nil && d.Step == ledger.Settle {
		sent, d, known, err = w.settle(ctx, t, s)
	}
	if err != nil {
		w.trouble(t, err)
		return again(unwell)
	}
	if d.Step == ledger.Proceed {
		return w.proceed(ctx, record, t, claimed{d.Effect, known, sent})
	}
	return w.decided(record, t, d)
}

// decided does what the ledger has decided, but for going on to the vendor.
func (w *Worker) decided(record context.Context, t *task, d ledger.Decision) settlement {
	switch d.Step {
	case ledger.Publish:
		if d.Effect.Outcome.By == t.token { // superseded just now, or written though the answer was lost
			if t.span == nil {
				_, record = w.traced(record, record, t)
			}
			w.line(t, d.Effect, *d.Effect.Outcome, time.Time{})
		}
		return w.tell(record, t, d.Effect)
	case ledger.Dismiss:
		return acked
	case ledger.Refuse:
		return w.clash(record, t, d.Effect)
	case ledger.Wait:
		return again(w.patience(t, d.Until))
	default:
		return left
	}
}

// contested tells of a delivery that found its effect claimed by another one.
func (w *Worker) contested(s ledger.Step) {
	what := map[ledger.Step]string{ledger.Settle: "takeover", ledger.Drop: "dropped"}[s]
	if what != "" && w.deps.Contested != nil {
		w.deps.Contested(w.vendor.Name, what)
	}
}

// claim asks the ledger what to do with the delivery.
func (w *Worker) claim(ctx context.Context, t *task) (d ledger.Decision, known handlers.Known, err error) {
	arrival := w.arrival(t)
	if w.unclaimed(t, arrival) {
		t.unclaimed = &arrival
		var a ledger.Account
		d = a.Arrive(arrival)
		return d, w.known(t, a, d.Effect), nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.config.CallLease)
	defer cancel()
	err = t.book.Revise(ctx, t.record, &t.sight, func(a *ledger.Account) {
		d = a.Arrive(arrival)
		known = w.known(t, *a, d.Effect)
	})
	if err != nil {
		w.stragglers.add(t)
	} else {
		w.stragglers.registered(t)
	}
	return d, known, err
}

// arrival is the delivery as the ledger is told of it.
func (w *Worker) arrival(t *task) ledger.Arrival {
	now := time.Now()
	var held time.Time
	if !w.gate.isOpen() {
		held = now.Add(w.config.HoldRetry + w.jitter(0))
	}
	return ledger.Arrival{
		UserID: t.plan.UserID, Key: t.key, Type: t.kind, Scope: t.handler.Scope, Course: t.plan.Course,
		Order: t.order, Carrier: t.carrier(), Delivery: t.place.Delivery, Replay: t.replay,
		Token: t.token, Expired: events.Expired(t.event, now), Held: held, Now: now, Keep: w.config.Keep,
		Stragglers: w.stragglers.before(t, w.config.Keep),
	}
}

// unclaimed tells whether the vendor may be called before anything is written
// down. Activity leaves no state at an account, and the vendors that take it know
// a repeat by what we send (docs/design.md, rule 5.10). So a claim would keep nobody from
// a repeat that the vendor does not: after a crash the call is made again in either
// case. What it would keep from is a call by a process that woke long after its
// message went to another one; therefore the message has to be fresh.
func (w *Worker) unclaimed(t *task, m ledger.Arrival) bool {
	return t.handler.Scope == events.ScopeActivity && m.Delivery == 1 && m.Replay == 0 &&
		!m.Expired && m.Held.IsZero() && m.Now.Sub(t.taken) < w.config.AckWait/2
}

// settle waits out whatever the former holder of the claim may still have on
// its way to the vendor, and then renews the claim, if it is ours still.
func (w *Worker) settle(ctx context.Context, t *task, s slot) (sent time.Time, d ledger.Decision, known handlers.Known, err error) {
	s.free()
	pause(ctx, w.config.CallLease+w.config.CallTimeout)
	s.take()
	if ended(ctx) {
		return sent, d, known, ctx.Err()
	}
	sent = time.Now()
	confirmed := false
	t.sight = ledger.Sight{} // read again (docs/design.md, rule 5.3)
	err = t.book.Revise(ctx, t.record, &t.sight, func(a *ledger.Account) {
		d.Effect, confirmed = a.Confirm(t.token, sent)
		known = w.known(t, *a, d.Effect)
	})
	if err != nil || confirmed {
		d.Step = ledger.Proceed
		return sent, d, known, err
	}
	d, known, err = w.claim(ctx, t)
	if d.Step == ledger.Settle || d.Step == ledger.Proceed {
		d.Step = ledger.Drop
	}
	return sent, d, known, err
}

func (w *Worker) known(t *task, a ledger.Account, e ledger.Effect) handlers.Known {
	a = a.Corrected(ledger.Repair{Account: t.repair, Removes: t.handler.Removes, Order: t.order})
	k := handlers.Known{
		From: t.origin(), Active: a.State == ledger.Active, Gone: a.State == ledger.Deleted,
		Enrolled: a.Courses[t.plan.Course].Enrolled, Unsettled: e.Unsettled, Doubt: a.Doubts(e.Key),
		Former: a.Former, Outdated: e.Order.Before(a.Data),
	}
	k.Account.ID = a.AccountID
	return k
}

// claimed is an effect that this delivery may call the vendor for.
type claimed struct {
	effect ledger.Effect
	known  handlers.Known
	sent   time.Time // just before the claim was
}

// proceed makes an attempt, unless it is one that must not be made now.
func (w *Worker) proceed(ctx, record context.Context, t *task, c claimed) settlement {
	stop := w.brake(ctx, t, c.effect)
	if !errors.Is(stop, errHeld) { // which is no attempt
		ctx, record = w.traced(ctx, record, t)
	}
	if stop != nil {
		return w.fail(record, t, c.effect, 0, stop)
	}
	return w.attempt(ctx, record, t, c)
}

// attempt calls the vendor and writes down what came of it. A call may begin
// only within the lease, counted from when the claim was sent; the transport
// sees to that, since it begins none that could not end before its context.
func (w *Worker) attempt(ctx, record context.Context, t *task, c claimed) settlement {
	limit, cancel := context.WithDeadline(ctx, c.sent.Add(w.config.CallLease+w.config.CallTimeout))
	defer cancel()
	begun := time.Now()
	reply, err := w.handle(limit, t, c.known)
	took := time.Since(begun)
	w.gate.report(err)
	if err != nil {
		return w.fail(record, t, c.effect, took, err)
	}
	o := ledger.Outcome{Kind: reply.Outcome, AccountID: reply.Account.ID, TookMS: took.Milliseconds(), At: time.Now().UTC()}
	return w.finish(record, t, c.effect, o, change(t, reply))
}

// brake returns an error for a deletion that must not be made, or not yet. One
// that may have been made already is not stopped.
func (w *Worker) brake(ctx context.Context, t *task, e ledger.Effect) error {
	if w.deps.Brake == nil || !t.handler.Removes || e.Unsettled || e.Attempts > 1 {
		return nil
	}
	verdict, err := w.deps.Brake.Deletion(ctx, e.First)
	held := verdict == brake.Hold && err == nil
	if was := w.braking.Swap(held); held && !was {
		w.deps.Log.Error().Str("vendor", w.vendor.Name).Msg("deletions are on hold: far more than usual; see usher approve deletions --help")
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errHeld, err)
	case verdict == brake.Drop:
		return errDropped
	case verdict == brake.Hold:
		return errHeld
	default:
		return nil
	}
}

// handle carries the plan out, and survives its panics.
func (w *Worker) handle(ctx context.Context, t *task, k handlers.Known) (reply handlers.Reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.deps.Log.Error().Str("vendor", w.vendor.Name).Str("type", t.kind).Bytes("stack", debug.Stack()).Msg("panic in a handler")
			err = fmt.Errorf("%w (a %T)", errPanic, p)
		}
	}()
	return t.plan.Do(ctx, k)
}

// change says what a reply makes of the account.
func change(t *task, r handlers.Reply) ledger.Change {
	c := ledger.Change{
		AccountID: r.Account.ID, Applied: r.Outcome == events.Done || r.Outcome == events.AlreadyDone,
		Snapshot: t.handler.Snapshot && r.Outcome == events.Done, Found: r.Found,
	}
	switch {
	case t.handler.Scope == events.ScopeCourse:
		c.Enrolled = c.Applied && !t.handler.Ends
		if c.Applied && r.Account.ID != "" { // a deleted user is in no course
			c.State = ledger.Active
		}
	case t.handler.Removes:
		// A vendor that cannot delete is told no more of the user all the same.
		c.State, c.Applied = ledger.Deleted, c.Applied || r.Outcome == events.Unsupported
	case t.handler.Scope.WholeAccount() && c.Applied:
		c.State = ledger.Active
	}
	return c
}
