package mailbox

import (
	"context"
	"errors"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
)

// resultTries is the number of tries to store the outcome of a call, with a growing delay.
const resultTries = 8

// store writes the record by a plan, after the steps that have to come first.
func (t *turn) store(ctx context.Context) error {
	for failures := 0; ; {
		err := t.storeOnce(ctx, t.mayCall())
		if errors.Is(err, errUnreserved) {
			err = t.reserveOutcome(ctx)
			if err == nil {
				continue
			}
		}
		switch {
		case errors.Is(err, errAdmission):
			if t.deps.Gate.Wait(t.phases.stop, t.class) != nil {
				return t.storeOnce(ctx, false)
			}
			t.admitted, t.deletions.verdicts = true, nil // the wait may have been long
		case errors.Is(err, errUnguarded):
			t.deletions.ask(ctx, &t.plan.decision.Effect)
		case errors.Is(err, errUnburied):
			if err := errors.Join(t.outbox.buryRejected(ctx), t.outbox.buryOverdue(ctx, t.plan.overdue)); err != nil {
				return err
			}
		case err != nil && t.result != nil && failures < resultTries && ctx.Err() == nil:
			failures++ // without the outcome the vendor would have to be asked
			pause(ctx, min(100*time.Millisecond<<failures, 5*time.Second))
		default:
			return err
		}
	}
}

// reserveOutcome reserves the account of the outcome that is to be stored.
func (t *turn) reserveOutcome(ctx context.Context) error {
	x, err := t.attempts.reserveOutcome(ctx, t.result)
	if x != t.result {
		t.take(x)
	}
	return err
}

// storeOnce writes the record once, or returns the error of a plan. Once a newer owner has
// written the record, only the outcome of a past call is added.
func (t *turn) storeOnce(ctx context.Context, mayCall bool) error {
	p, sent := t.newPlan(mayCall), time.Now()
	t.plan = p
	err := t.revise(ctx, t.user, func(r *record.Record) error {
		if t.result != nil {
			if !t.accounts.isReserved(t.result.holds()) {
				return errUnreserved
			}
			t.result.apply(r, t.hand.holdsPosition(&t.result.effect), t.config.PrerequisiteWait)
		}
		if p.owner.IsFormer(r) {
			p.decision = record.Decision{Action: record.StepDown}
			return nil
		}
		r.RemovePublished(t.outbox.isPublished, p.now, p.limits())
		return p.decide(r)
	})
	if err == nil {
		err = t.outbox.unbury(ctx, t.user.stored.record)
	}
	if err != nil {
		return err
	}
	for _, a := range p.fresh {
		a.ours = a.isRegistered(t.user.stored.record)
	}
	t.result, t.sent, t.user.missed = nil, sent, nil
	t.admitted = t.admitted && p.decision.Action != record.Call
	return nil
}

// apply stores the result in a record.
func (x *result) apply(r *record.Record, holdsPosition bool, wait time.Duration) {
	a := record.Attempt{Key: x.effect.Key, Replay: x.effect.Replay, Nonce: x.nonce, HoldsPosition: holdsPosition}
	if x.outcome != nil {
		r.Finish(a, *x.outcome, x.change)
		return
	}
	if r.Postpone(a, x.pause) == record.Mine && !x.noAccount.IsZero() {
		r.NoAccount(x.noAccount, wait)
	}
}

// newPlan returns a plan for the present ownership.
func (t *turn) newPlan(mayCall bool) *plan {
	own := t.deps.Ownership
	o := record.Owner{
		Token: own.Token(), Nonce: t.nonces.next(), CallsAllowed: mayCall, FirstLook: t.config.FirstLook,
		HolderGone: own.Since().Add(t.config.CallLease + t.config.CallTimeout),
	}
	if t.vendor.needsNoAccount(t.user.key) {
		o.FirstLook = -1
	}
	return &plan{parts: t.parts, user: t.user, hand: t.hand, deletions: t.deletions, now: own.Now(), owner: o, admitted: t.admitted}
}

// mayCall reports whether the turn may make a further call.
func (t *turn) mayCall() bool {
	return t.calls < turnCalls && time.Since(t.began) < turnSpan && t.open(t.class)
}

// open reports whether this process may call the vendor for work of a class.
func (t *turn) open(c Class) bool {
	return t.phases.stop.Err() == nil && time.Now().Before(t.deps.Ownership.Until()) && t.deps.Gate.Allows(c)
}
