package mailbox

import (
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// The errors of a plan that needs another step first. Nothing was stored.
var (
	// errUnreserved: the account has to be reserved before the outcome is stored.
	errUnreserved = errors.New("the account is not reserved yet")
	// errUnguarded: the deletion guard has to be asked before the claim is stored. A held
	// deletion takes neither a share of the rate nor a call.
	errUnguarded = errors.New("the deletion guard was not asked yet")
	// errAdmission: the rate of the vendor has to be waited for before the claim is stored.
	// Otherwise the call lease would run out in the queue.
	errAdmission = errors.New("the call is not admitted yet")
	// errDeadLettersFirst: dead letters have to be stored before the record.
	errDeadLettersFirst = errors.New("dead letters come first")
)

// plan makes the next version of a record: by the outcome of the last call, the arrivals, and
// the claim of the next call. A plan asks no server. A plan may work on several versions of the
// record, one after the other; only the last one counts.
type plan struct {
	*parts
	user      *user
	hand      *hand
	deletions *deletions
	now       time.Time
	owner     record.Owner
	admitted  bool // a share of the vendor's rate was taken

	decision record.Decision
	fresh    []*arrival      // new to the record
	full     bool            // arrivals wait in memory for room in the record
	overdue  []record.Effect // effects whose wait for an account is over
}

// limits bound the record.
func (p *plan) limits() record.Limits {
	return record.Limits{Bytes: p.config.RecordBytes, Remember: p.config.Remember}
}

// decide registers the new arrivals and decides the next step. Arrivals beyond the room of the
// record wait in memory as long as the mailbox makes progress and is not crowded. Others are
// rejected.
func (p *plan) decide(r *record.Record) (err error) {
	var list []*arrival
	for _, a := range p.hand.list {
		if a.Replay > 0 || r.Registered.Before(a.Position) {
			list = append(list, a)
		}
	}
	p.fresh, p.full = list, false
	if len(list) > 0 && r.UserID == "" && !record.IsActivityKey(p.user.key) { // the record of an activity names nobody
		r.UserID = list[0].event.Plan.UserID
	}
	for len(r.Finished) < record.MostFinished {
		var why record.Refusal
		if list, why = p.register(r, list); len(list) == 0 {
			break
		}
		if why.Full {
			if err := p.next(r); err != nil {
				return err
			}
			if (p.decision.Action != record.Wait || !p.decision.Due.After(p.now)) && !p.crowded(list) {
				p.full = p.decision.Action != record.Call
				return nil
			}
		}
		if why.Full && list[0].Replay == 0 && r.Rejected.Before(list[0].Position) {
			r.Rejected = last(list) // before the first dead letter
			return p.again()
		}
		if err := p.reject(list[0], why); err != nil {
			return err
		}
		r.Reject(list[0].rejection(), *list[0].rejected)
		list = list[1:]
	}
	if again, err := p.abandonOverdue(r); err != nil {
		return err
	} else if again {
		return p.again()
	}
	return p.next(r)
}

// again decides on a further write of the record.
func (p *plan) again() error {
	p.decision = record.Decision{Action: record.Wait, Due: p.now}
	return nil
}

// register registers arrivals up to the first refused one, and returns the rest.
func (p *plan) register(r *record.Record, list []*arrival) ([]*arrival, record.Refusal) {
	n := slices.IndexFunc(list, func(a *arrival) bool { return a.rejected != nil })
	if n < 0 {
		n = len(list)
	}
	batch := make([]record.Arrival, n)
	for i, a := range list[:n] {
		batch[i] = a.Arrival
	}
	rest, why := r.Register(batch, p.now, p.limits())
	return list[n-len(rest):], why
}

// crowded reports whether more bytes of the user wait in memory than allowed. Otherwise one
// user would take the room of all others.
func (p *plan) crowded(list []*arrival) bool {
	return p.user.waiting.Load()+sizeOf(list) > int64(p.config.WaitingBytes)
}

const overloadMessage = "the user has too many unfinished events at this vendor: replay the dead letter once they are done"

// reject gives a refused arrival an outcome, and returns errDeadLettersFirst until the dead letter
// is stored.
func (p *plan) reject(a *arrival, why record.Refusal) error {
	if a.rejected == nil {
		o := failed(classOverload, overloadMessage)
		if why.Other != "" {
			a.event.Invalid = reusedID(why.Other)
			a.event.Key = reusedKey(a.event)
			o = failed(classInvalid, message(a.event.Invalid))
		}
		o.At, a.rejected = p.now.UTC(), &o
	}
	if !a.deadLettered {
		return errDeadLettersFirst
	}
	return nil
}

// last returns the last position among arrivals of events.
func last(list []*arrival) (p events.Position) {
	for _, a := range list {
		if a.Replay == 0 && p.Before(a.Position) {
			p = a.Position
		}
	}
	return p
}

// abandonOverdue ends the effects whose wait for an account is over, if the last look-up for
// the user found none: one look-up answers for all effects. abandonOverdue returns
// errDeadLettersFirst until the dead letters are stored, and true if other effects wait for a further write.
func (p *plan) abandonOverdue(r *record.Record) (again bool, err error) {
	p.overdue = r.Overdue(p.user.noAccount, p.config.PrerequisiteWait)
	for i := range p.overdue {
		if _, ok := p.user.missed[idOf(&p.overdue[i])]; !ok {
			return false, errDeadLettersFirst
		}
	}
	for i := range p.overdue {
		e := &p.overdue[i]
		o := p.user.missed[idOf(e)]
		if r.Abandon(e.Key, e.Replay, o) && o.Class == classPrerequisite {
			r.Miss(e, p.user.letters[idOf(e)].eventKey)
		}
	}
	return len(p.overdue) > 0 && len(r.Finished) >= record.MostFinished, nil
}

// admit reports whether the call is admitted, and takes a share of the rate if nobody waits for one.
func (p *plan) admit() bool {
	p.admitted = p.admitted || p.deps.Gate.TryWait()
	return p.admitted
}

// next decides the next step. A held deletion gives the claim back before anything is stored,
// and the effect behind the deletion is chosen.
func (p *plan) next(r *record.Record) error {
	if g := p.deps.Guard; g != nil {
		p.owner.HeldDue, p.owner.Dropped = !g.Holds() || g.Approved(p.deletions.digest), g.Dropped()
	}
	for {
		p.decision = r.Next(p.now, p.owner)
		e := &p.decision.Effect
		if p.decision.Action != record.Call {
			return nil
		}
		switch verdict, known := p.deletions.verdict(e); {
		case !known:
			return errUnguarded
		case verdict == deletionguard.Hold:
			r.Postpone(record.Attempt{Key: e.Key, Replay: e.Replay, Nonce: p.owner.Nonce}, record.Pause{Held: true, Due: p.deletions.heldUntil(p.now)})
			p.owner.HeldDue, p.owner.Dropped = false, time.Time{}
		case verdict == deletionguard.Proceed && !p.admit():
			return errAdmission
		default:
			return nil
		}
	}
}
