package record

import (
	"cmp"
	"maps"
	"time"

	"github.com/usherhq/usher/events"
)

// Attempt names one call of the vendor: the effect, and the nonce of the claim.
type Attempt struct {
	Key    Key
	Replay int
	Nonce  string
	// HoldsPosition says that the turn holds the position of the event back until the
	// result is published.
	HoldsPosition bool
}

// Pause is the reason why an attempt did not finish the effect, and the time of the next attempt.
type Pause struct {
	Due          time.Time
	Unconfirmed  bool // a change may have reached the vendor
	Prerequisite bool // an account must exist first: the vendor was only asked for an account
	Strike       bool // a panic of the handler, or an unreadable response
	// Held says that nothing was attempted: a person has to approve the deletion first.
	Held bool
	// Class and Message are those of the failed attempt; Message is empty without a failure.
	Class, Message string
	At             time.Time // of the failure
}

// Change is the effect of an outcome on the account.
type Change struct {
	State       State  // from now on; Unknown leaves the state unchanged
	AccountID   string // the vendor's id; empty leaves the id unchanged
	Enrolled    bool   // for events.ScopeCourse: whether the account is in the course now
	Snapshot    bool   // the vendor holds the snapshot of the event now
	Found       bool   // the account existed, and may hold a newer snapshot than the event
	Applied     bool   // the vendor is now as the event asks
	Undeleted   bool   // for State Deleted: the vendor cannot delete, and still has the account
	Disabled    bool   // for State Deleted: the account is disabled, and may be enabled again
	Unchanged   bool   // of a failure: the attempt has only asked the vendor
	Unconfirmed bool   // of a failure: the attempt may have changed the vendor
	Confirmed   bool   // the vendor has the account as the record says from now on
	// Later deletes the disabled account after a grace; the zero Effect: never.
	Later Effect
}

// Stored is the fate of an outcome.
type Stored uint8

// The results of Finish and Postpone.
const (
	// Rejected: a newer owner takes care of the effect. Nothing was changed.
	Rejected Stored = iota
	// Mine: the record has the outcome or the pause of this attempt.
	Mine
	// ForHolder: the outcome is stored for the newer owner that holds the claim.
	ForHolder
)

// Finish stores the outcome of an attempt and releases the claim. If a newer owner has
// taken the claim over, an outcome with a change at the vendor is stored all the same, so
// the change is not made again; the claim stays. If both owners changed the vendor, the
// outcome of the newer owner replaces the older outcome, unpublished until then.
func (r *Record) Finish(a Attempt, o Outcome, c Change) Stored {
	mine := r.Claim.isOf(a)
	if f := r.Finished.find(a.Key, a.Replay); f != nil {
		switch {
		case f.By == a.Nonce:
			return Mine
		case mine && c.Applied:
			f.Outcome, f.By = o, a.Nonce
			r.Claim = nil
			apply(r, &f.Effect, c)
			return Mine
		}
		return Rejected
	}
	e := r.Pending.find(a.Key, a.Replay)
	forHolder := c.Applied && r.Claim.Is(a.Key, a.Replay)
	if e == nil || (!mine && !forHolder) {
		return Rejected
	}
	if asked := c.Unchanged && !e.Unconfirmed; !c.Applied && !asked && r.isUnsettled(e, o.Kind) {
		r.Attempted = later(r.Attempted, e.Position)
	}
	if c.Unconfirmed {
		r.doubtRemoval()
	}
	f := Finished{Effect: *e, Outcome: o, By: a.Nonce, Publish: !mine || !a.HoldsPosition}
	r.Pending.remove(a.Key, a.Replay)
	r.Finished = append(r.Finished, f)
	if c.Applied {
		apply(r, &f.Effect, c)
	}
	if !mine {
		return ForHolder
	}
	r.PerhapsRemoved = r.PerhapsRemoved && !c.Confirmed
	r.Claim = nil
	return Mine
}

// doubtRemoval notes that the attempt under the claim may have disabled or deleted the account.
func (r *Record) doubtRemoval() {
	r.PerhapsRemoved = r.PerhapsRemoved || r.Claim != nil && r.Claim.Removes
}

// isUnsettled reports whether the vendor may have an account unknown to the record after an effect
// that was not applied. A rule of the team may end an effect whose earlier attempt is unconfirmed.
func (r *Record) isUnsettled(e *Effect, outcome string) bool {
	ended := outcome == events.Skipped || outcome == events.Superseded
	switch e.Scope {
	case events.ScopeLifecycle:
		return outcome == events.Failed || ended && e.Unconfirmed
	case events.ScopeUserData: // an update may create the account of a user new in scope
		return e.Unconfirmed && r.State != Active && (ended || outcome == events.Failed)
	default:
		return false
	}
}

// isOf reports whether the attempt holds the claim.
func (c *Claim) isOf(a Attempt) bool {
	return c.Is(a.Key, a.Replay) && (c.Nonce == a.Nonce || !Fencing)
}

// apply brings the account to the state after the effect.
func apply(r *Record, e *Effect, c Change) {
	appeared := c.State == Active && (r.State != Active || (c.AccountID != "" && c.AccountID != r.AccountID))
	since := r.graceSince()
	another := c.AccountID != "" && r.AccountID != "" && c.AccountID != r.AccountID
	if c.State != Unknown {
		r.State, r.Undeleted, r.Disabled = c.State, c.Undeleted, c.Disabled
		r.PerhapsRemoved = r.PerhapsRemoved && c.State == Active
	}
	if c.AccountID != "" {
		move(r, c.AccountID)
	}
	if c.Snapshot && (!c.Found || another || r.Data.Before(e.Position)) {
		r.Data, r.DataReplay = e.Position, e.Replay
	}
	noteSent(r, e, c)
	switch {
	case e.Scope == events.ScopeLifecycle, c.State == Deleted: // an update may take the account away
		if r.Lifecycle = e.Position; !e.Later { // a later deletion has replay numbers of its own
			r.LifecycleReplay = e.Replay
		}
		if c.State == Deleted {
			r.Former = cmp.Or(r.AccountID, r.Former)
			r.Deleted = e.Position
			r.AccountID = ""
			r.Indexed = false
			leaveCourses(r)
			r.addLater(c, since)
		}
	case e.Scope == events.ScopeCourse:
		if r.Courses == nil {
			r.Courses = map[string]Course{}
		}
		r.Courses[e.Course] = Course{Enrolled: c.Enrolled, Position: e.Position, Replay: e.Replay, Sent: e.Sent}
	}
	for i := range r.Pending {
		if e := &r.Pending[i]; appeared && e.Prerequisite { // due at once
			e.Prerequisite, e.Due = false, time.Time{}
		}
	}
}

// leaveCourses keeps only the courses with a newer change than the deletion of the account,
// since newer changes still fence older changes. The account is in no course.
func leaveCourses(r *Record) {
	maps.DeleteFunc(r.Courses, func(_ string, c Course) bool { return !r.Deleted.Before(c.Position) })
	for name, c := range r.Courses {
		c.Enrolled = false
		r.Courses[name] = c
	}
}

// move notes the vendor's id of the account; the index of accounts names the record. A new
// account in place of a former account is in no course.
func move(r *Record, id string) {
	former := r.AccountID
	r.AccountID, r.Indexed = id, true
	if former == "" || former == id {
		return
	}
	for name, c := range r.Courses {
		c.Enrolled = false
		r.Courses[name] = c
	}
}

// Postpone releases the claim of an attempt without an outcome.
func (r *Record) Postpone(a Attempt, p Pause) Stored {
	e := r.Pending.find(a.Key, a.Replay)
	if e == nil || !r.Claim.isOf(a) {
		return Rejected
	}
	if p.Unconfirmed {
		r.doubtRemoval()
	}
	r.Claim = nil
	e.Due = p.Due
	e.Prerequisite = p.Prerequisite
	e.Held = p.Held
	e.Unconfirmed = e.Unconfirmed || p.Unconfirmed
	// The vendor was asked for no change, or without an account. Only an enrolment in flight can
	// still find the course.
	if p.Prerequisite && (!e.Unconfirmed || e.Scope.WholeAccount()) {
		e.Tried = false
	}
	if p.Strike {
		e.Strikes++
	}
	if p.Message != "" {
		r.Failure = Failure{Key: e.Key, Replay: e.Replay, At: p.At, Class: p.Class, Message: p.Message}.cut()
	}
	if p.Held {
		e.Tried = false
		e.Attempts--
		e.Begun = time.Time{}
	}
	return Mine
}

// NoAccount applies the answer of one look-up, made at the time at, to the other effects that
// wait for an account: an effect asks the vendor again only once the time until has passed since
// the first look.
func (r *Record) NoAccount(at time.Time, until time.Duration) {
	for i := range r.Pending {
		e := &r.Pending[i]
		if !e.Prerequisite || e.Tried || e.Attempts > 0 || e.Due.After(at) {
			continue
		}
		if e.Begun.IsZero() {
			e.Begun = at
		}
		e.Due = e.Begun.Add(until)
	}
}

// Overdue returns the effects that have waited for an account for the whole time wait, if the
// look-up at the time at found none, and no creation is pending. The finished effects have room for as many.
func (r *Record) Overdue(at time.Time, wait time.Duration) (list []Effect) {
	if r.State == Active || r.accountComing() {
		return nil
	}
	for _, e := range r.Pending {
		waited := e.awaitsAccount() && e.Delivered() && !e.Begun.IsZero() && at.Sub(e.Begun) >= wait
		if waited && !r.Claim.Is(e.Key, e.Replay) && len(r.Finished)+len(list) < MostFinished {
			list = append(list, e)
		}
	}
	return list
}

// Abandon finishes an effect without an attempt: the look-up for another effect answered for
// all. Abandon returns false if the effect is not pending or is claimed.
func (r *Record) Abandon(key Key, replay int, o Outcome) bool {
	e := r.Pending.find(key, replay)
	if e == nil || r.Claim.Is(key, replay) {
		return false
	}
	f := Finished{Effect: *e, Outcome: o, Publish: true}
	r.Pending.remove(key, replay)
	r.Finished = append(r.Finished, f)
	return true
}

// RemovePublished moves the finished effects whose results are published to Seen.
func (r *Record) RemovePublished(published func(*Finished) bool, now time.Time, l Limits) {
	kept := r.Finished[:0]
	for i := range r.Finished { // by reference, since an effect is large
		if f := &r.Finished[i]; published(f) {
			r.Seen.add(f, now)
		} else {
			kept = append(kept, *f)
		}
	}
	clear(r.Finished[len(kept):])
	r.Finished = kept
	r.Seen.limit(l.Bytes / 2 / seenEncoded)
}
