package mailbox

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// The bounds of a turn. The rest of a mailbox gets a further turn, as a wake.
const (
	turnCalls    = 8
	turnSpan     = 2 * time.Second
	turnArrivals = 500 // events that one write registers, at most
	resultTries  = 8   // of storing the outcome of a call, with a growing delay
)

// turn is the work on one mailbox, from its arrivals and wakes to its next timer.
type turn struct {
	*Mailboxes
	Phases
	task

	user     *user
	class    Class
	arrivals []*arrival
	wake     *wake // nil: none
	began    time.Time
	calls    int
	admitted bool        // a share of the vendor's rate was taken
	sent     time.Time   // just before the last claim was stored
	result   *result     // of the last call, until it is stored
	reserved reservation // of an account, for the claim of the record
	fresh    []*arrival  // that the record did not have before the last write
	full     bool        // arrivals wait in memory until the record has room
	failed   bool        // NATS failed a step of an attempt, which is made again
	overdue  []record.Effect
	verdicts map[effectID]deletionguard.Verdict // of the deletion guard

	mu sync.Mutex // of arrivals and user.armed while a call is in flight
}

// turn works on a mailbox. Each round of the loop is one write of the record: the arrivals,
// the outcome of the last call, and the claim of the next. A crash between any two steps
// repeats them without harm.
func (m *Mailboxes) turn(p Phases, u *user, class Class) {
	t := m.begin(p, u, class)
	defer func() { t.endSpan() }()
	if t.refuseInvalid(p.write) {
		return
	}
	for {
		decision, err := t.store(p.write)
		if err == nil {
			err = t.publish(p.write)
		}
		switch {
		case err != nil:
			t.retry(p.write, err)
			return
		case decision.Action == record.StepDown:
			t.deps.Ownership.StepDown(t.user.stored.record.Token)
			return
		}
		t.endSpan()
		if err := t.settleFinished(p.write); err != nil {
			t.retry(p.write, err)
			return
		}
		if decision.Action != record.Call {
			t.end(p.write, decision)
			return
		}
		t.attempt(p.call, decision.Effect)
	}
}

// begin takes the arrivals and wakes of a mailbox.
func (m *Mailboxes) begin(p Phases, u *user, class Class) *turn {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := min(len(u.arrivals), turnArrivals)
	t := &turn{Mailboxes: m, Phases: p, task: m.task, user: u, class: class, arrivals: u.arrivals[:n:n], wake: u.wake, began: time.Now()}
	u.arrivals, u.bytes, u.wake = u.arrivals[n:], u.bytes-sizeOf(t.arrivals), nil
	u.again = len(u.arrivals) > 0
	if t.wake != nil {
		u.armed = time.Time{}
	}
	return t
}

// mayCall reports whether the turn may make a further call.
func (t *turn) mayCall() bool {
	return t.calls < turnCalls && time.Since(t.began) < turnSpan && t.open(t.class)
}

// open reports whether this process may call the vendor for work of a class.
func (t *turn) open(c Class) bool {
	return t.stop.Err() == nil && time.Now().Before(t.deps.Ownership.Until()) && t.deps.Gate.Allows(c)
}

// errAdmission says that the rate of the vendor has to be waited for before the claim is
// stored: otherwise the call lease would run out in the queue.
var errAdmission = errors.New("the call is not admitted yet")

// store writes the record: it registers the arrivals, stores the result of the last call,
// and claims the next effect to call.
func (t *turn) store(ctx context.Context) (record.Decision, error) {
	for failures := 0; ; {
		d, err := t.storeOnce(ctx, t.mayCall())
		if errors.Is(err, errUnreserved) {
			if err = t.reserveOutcome(ctx); err == nil {
				continue
			}
		}
		switch {
		case errors.Is(err, errAdmission):
			if t.deps.Gate.Wait(t.stop, t.class) != nil {
				return t.storeOnce(ctx, false)
			}
			t.admitted, t.verdicts = true, nil // the wait may have been long
		case errors.Is(err, errUnguarded):
			t.askGuard(ctx, &d.Effect)
		case errors.Is(err, errUnburied):
			if err := errors.Join(t.buryRejected(ctx), t.buryOverdue(ctx)); err != nil {
				return d, err
			}
		case err != nil && t.result != nil && failures < resultTries && ctx.Err() == nil:
			failures++ // without its outcome the effect would have to be looked up
			pause(ctx, min(100*time.Millisecond<<failures, 5*time.Second))
		default:
			return d, err
		}
	}
}

// storeOnce writes the record once. It returns errAdmission, errUnburied or errUnreserved
// before anything is written if a step has to come first. Once a newer owner wrote the record, only the
// outcome of a call that was made is added.
func (t *turn) storeOnce(ctx context.Context, mayCall bool) (d record.Decision, err error) {
	now, o, sent := t.deps.Ownership.Now(), t.owner(mayCall), time.Now()
	t.fresh = nil
	err = t.revise(ctx, t.user, func(r *record.Record) (err error) {
		if t.result != nil {
			if !t.isReserved(t.result.holds()) {
				return errUnreserved
			}
			t.result.apply(t, r)
		}
		if r.HasNewerOwner(o.Token) {
			d = record.Decision{Action: record.StepDown}
			return nil
		}
		r.RemovePublished(t.isPublished, now, t.limits)
		d, err = t.advance(r, now, o)
		return err
	})
	if err == nil {
		err = t.unbury(ctx)
	}
	if err == nil {
		for _, a := range t.fresh {
			a.ours = t.isRegistered(a)
		}
		t.result, t.letters, t.sent, t.user.missed = nil, nil, sent, nil
		t.admitted = t.admitted && d.Action != record.Call
	}
	return d, err
}

// advance registers the arrivals and decides the next step. Arrivals that do not fit wait
// in memory as long as the mailbox makes progress and is not crowded. Others are rejected.
func (t *turn) advance(r *record.Record, now time.Time, o record.Owner) (d record.Decision, err error) {
	t.full = false
	list := t.unregistered(r)
	t.fresh = list
	if len(list) > 0 && r.UserID == "" && !record.IsActivityKey(t.user.key) { // the record of an activity names nobody
		r.UserID = list[0].event.Plan.UserID
	}
	for len(r.Finished) < record.MostFinished {
		var why record.Refusal
		if list, why = t.register(r, list, now); len(list) == 0 {
			break
		}
		if why.Full {
			if d, err = t.next(r, now, o); err != nil {
				return d, err
			}
			if (d.Action != record.Wait || !d.Due.After(now)) && !t.crowded(list) {
				t.full = d.Action != record.Call
				return d, nil
			}
		}
		if why.Full && list[0].Replay == 0 && r.Rejected.Before(list[0].Position) {
			r.Rejected = last(list) // before the first dead letter
			return record.Decision{Action: record.Wait, Due: now}, nil
		}
		if err := t.reject(list[0], why, now); err != nil {
			return d, err
		}
		r.Reject(list[0].rejection(), *list[0].rejected)
		list = list[1:]
	}
	if again, err := t.abandonOverdue(r); again || err != nil {
		return record.Decision{Action: record.Wait, Due: now}, err
	}
	return t.next(r, now, o)
}

// crowded reports whether more events of the user wait in memory than may. Otherwise one
// user would take the room of all others.
func (t *turn) crowded(list []*arrival) bool {
	t.Mailboxes.mu.Lock()
	defer t.Mailboxes.mu.Unlock()
	return t.user.bytes+sizeOf(list) > t.config.WaitingBytes
}

// owner returns the ownership as the rules need it.
func (t *turn) owner(mayCall bool) record.Owner {
	own := t.deps.Ownership
	o := record.Owner{
		Token: own.Token(), Nonce: t.newNonce(), CallsAllowed: mayCall, FirstLook: t.config.FirstLook,
		HolderGone: own.Since().Add(t.config.CallLease + t.config.CallTimeout),
	}
	if t.needsNoAccount() {
		o.FirstLook = -1
	}
	return o
}
