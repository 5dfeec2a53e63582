package mailbox

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/pause"
	"github.com/usherhq/usher/vendors"
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
	lost     bool // the record was dropped while the activity waited
}

func newTurn(m *Mailboxes, u *user, w work) *turn {
	if u.endNet != nil {
		u.endNet()
		u.endNet = nil
	}
	if w.wake != nil {
		u.timer.due = time.Time{}
	}
	t := &turn{
		Mailboxes: m, user: u, class: w.class, wake: w.wake, began: time.Now(),
		hand: &hand{m.parts, w.arrivals}, accounts: &accounts{parts: m.parts, user: u, needless: needsNoAccount(m.vendor, u.key)},
	}
	_, digest := record.SplitKey(u.key)
	t.deletions = &deletions{parts: m.parts, digest: digest, hand: t.hand}
	t.outbox = &outbox{publisher: &publisher{reporter: &reporter{parts: m.parts}, letters: u.letters}, user: u, hand: t.hand}
	t.attempts = &attempts{
		publisher: t.outbox.publisher, user: u, hand: t.hand, class: w.class, accounts: t.accounts, deletions: t.deletions, timers: &m.timers,
	}
	return t
}

// needsNoAccount reports whether the vendor knows users by our ids, or a record is of an
// activity.
func needsNoAccount(v *Vendor, recordKey string) bool {
	_, ok := vendors.Port[vendors.Addresser]((*v.Port.Load()))
	return ok || record.IsActivityKey(recordKey)
}

// run works on the mailbox. Each round is one write of the record, with the arrivals, the
// outcome of the last call, and the claim of the next call; then the timer is set if nothing else
// brings the user back, the results are published, and the call is made. A crash between any two steps repeats the steps without harm.
func (t *turn) run() remainder {
	write := t.phases.write
	defer t.outbox.endSpan()
	if strings.HasPrefix(t.user.key, invalidPrefix) {
		return t.refuseInvalid(write)
	}
	for {
		err := t.store(write)
		if err == nil {
			err = t.armNext(write)
		}
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
			err = t.settleFinished(write)
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

// settleFinished settles the arrivals that need nothing more. The event that has brought the account
// holds the position back until the dead letters that waited for the account are sent, or a timer is set.
func (t *turn) settleFinished(ctx context.Context) error {
	if t.user.stored.record.HasReturns() {
		return nil
	}
	return t.hand.settleFinished(ctx, t.user.stored.record)
}

// resultTries is the number of tries to store the outcome of a call, with a growing delay.
const resultTries = 8

// store writes the record by a plan, after the steps that have to come first.
func (t *turn) store(ctx context.Context) error {
	for failures := 0; ; {
		err := t.storeOnce(ctx, t.mayCall())
		if errors.Is(err, errUnreserved) {
			var reserved *result
			if reserved, err = t.attempts.reserveOutcome(ctx, t.result); err == nil {
				t.take(reserved)
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
		case errors.Is(err, errDeadLettersFirst):
			if err := errors.Join(t.outbox.addRejected(ctx), t.outbox.addOverdue(ctx, t.plan.overdue)); err != nil {
				return err
			}
		case err != nil && t.result != nil && failures < resultTries && ctx.Err() == nil:
			failures++ // without the outcome the vendor would have to be asked
			pause.For(ctx, min(100*time.Millisecond<<failures, 5*time.Second))
		default:
			return err
		}
	}
}

// storeOnce writes the record once, or returns the error of a plan. Once a newer owner has
// written the record, only the outcome of a past call is added.
func (t *turn) storeOnce(ctx context.Context, mayCall bool) error {
	p, sent := t.newPlan(mayCall), time.Now()
	t.plan = p
	t.user.assumeNew(t.hand.list)
	err := t.revise(ctx, t.user, func(r *record.Record) error {
		t.lost = t.lost || t.isLost()
		if t.result != nil {
			if !t.accounts.isReserved(t.result.holds()) {
				return errUnreserved
			}
			t.result.apply(r, t.config.PrerequisiteWait)
		}
		if p.owner.IsFormer(r) {
			p.decision = record.Decision{Action: record.StepDown}
			return nil
		}
		r.RemovePublished(t.outbox.isPublished, p.now, p.limits())
		return p.decide(r)
	})
	t.admitted = p.admitted // also for a later plan
	if err == nil {
		err = t.outbox.removeDeadLetters(ctx, t.user.stored.record)
	}
	if err != nil {
		return err
	}
	for _, a := range p.fresh {
		a.ours = a.isRegistered(t.user.stored.record)
	}
	t.result = nil
	t.sent = sent
	t.user.missed = nil
	t.admitted = t.admitted && p.decision.Action != record.Call
	return nil
}

// newPlan returns a plan for the present ownership.
func (t *turn) newPlan(mayCall bool) *plan {
	own := t.deps.Ownership
	o := record.Owner{
		Token: own.Token(), Nonce: t.nonces.next(), CallsAllowed: mayCall, FirstLook: t.config.FirstLook, Grace: t.config.Rules.DeleteAfter,
		Removes:    t.removes,
		HolderGone: own.Since().Add(t.config.CallLease + t.config.CallTimeout),
	}
	if t.accounts.needless {
		o.FirstLook = -1
	}
	return &plan{parts: t.parts, user: t.user, hand: t.hand, deletions: t.deletions, now: own.Now(), owner: o, admitted: t.admitted}
}

// mayCall reports whether the turn may make a further call. An admitted call may be made after
// any time of waiting for the admission: otherwise, at a low rate, every turn would end with an
// unused token.
func (t *turn) mayCall() bool {
	inSpan := t.calls < turnCalls && time.Since(t.began) < turnSpan
	return (t.admitted || inSpan) && t.open(t.class)
}

// open reports whether this process may call the vendor for work of a class.
func (t *turn) open(c Class) bool {
	return t.phases.stop.Err() == nil && time.Now().Before(t.deps.Ownership.Until()) && t.deps.Gate.Allows(c)
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
	t.deps.Failures.Failed(t.deps.Log, t.vendor.Name, err)
}

// succeeded accounts for the end of a turn with nothing to repeat.
func (t *turn) succeeded() {
	t.user.failures = 0
	if !t.failed {
		t.deps.Failures.Succeeded()
	}
}

// isLost reports whether the wake of an activity found no record. The timer of an activity is set
// after the record is stored, so the bucket has dropped the record, and with the record the effect.
func (t *turn) isLost() bool {
	return t.wake != nil && len(t.hand.list) == 0 && t.user.stored.revision == 0 && record.IsActivityKey(t.user.key)
}

// logLoss logs the loss of the record of an activity.
func (t *turn) logLoss() {
	if !t.lost {
		return
	}
	t.deps.Log.Error().Str("vendor", t.vendor.Name).Str("record", t.user.key).
		Msg("the record of an activity was dropped while the activity waited: it may not be carried out; see activity.memory")
}
