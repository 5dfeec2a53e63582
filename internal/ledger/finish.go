package ledger

import (
	"cmp"
	"maps"
	"time"

	"github.com/usherhq/usher/events"
)

// Change is what an effect did to the account.
type Change struct {
	State     State  // the account's state from now on; Unknown leaves it as it is
	AccountID string // the vendor's id; empty leaves it as it is
	Enrolled  bool   // for InCourse: whether the account is in the course now
	Snapshot  bool   // whether the vendor now holds the event's snapshot of the user
	Found     bool   // whether it may hold a newer one: the account was there, and we may have made it
	Applied   bool   // whether the vendor is now as the event asks
}

// Confirm renews a claim that was taken over, once the waiting time is past. It
// returns false where another delivery has taken it, or the effect is finished.
func (a *Account) Confirm(token string, now time.Time) (Effect, bool) {
	if !a.held(token) {
		return Effect{}, false
	}
	e := a.find(a.Claim.Key)
	if e == nil || e.Phase == Finished {
		return Effect{}, false
	}
	a.Claim.Taken = false
	e.try(now)
	return *e, true
}

// Written says whose the outcome in the record is after Finish.
type Written uint8

// What Finish may find.
const (
	Mine    Written = iota // ours: publish the result, ack
	Theirs                 // written for the delivery that holds the claim now: it publishes and acks
	Nothing                // not written: another delivery sees to the effect
)

// Finish writes the outcome of the effect that token claimed, releases the
// claim, and returns the effect as it is then. Where another delivery of the
// same message has taken the claim meanwhile, an outcome that changed the vendor
// is written down all the same, so that nobody makes the change again. The one who
// has the claim then has looked at the vendor later: where it changed something, its
// outcome stands. Nobody was told of the other, since a claim was there.
func (a *Account) Finish(key, token string, o Outcome, c Change) (Effect, Written) {
	e := a.find(key)
	if e == nil {
		return Effect{}, Nothing
	}
	written := Mine
	switch {
	case e.Phase == Finished && e.Outcome.By == token && !a.claims(key):
		return *e, Mine // saved before, though the answer was lost
	case a.held(token) && (e.Phase != Finished || c.Applied):
		a.Claim = nil
	case e.Phase == Finished:
		return *e, Nothing
	case a.claims(key) && c.Applied:
		written = Theirs
	default:
		return *e, Nothing
	}
	o.By, o.Attempts = token, e.Attempts
	e.finish(o)
	if c.Applied {
		a.apply(e, c)
	}
	return *e, written
}

func (e *Effect) finish(o Outcome) {
	e.Phase, e.Outcome = Finished, &o
	e.Unsettled, e.Prerequisite, e.Due = false, false, time.Time{}
}

// apply moves the account to where the effect has brought it.
func (a *Account) apply(e *Effect, c Change) {
	if c.State != Unknown {
		a.State = c.State
	}
	another := false // account than the one that got Data
	if c.AccountID != "" {
		another = a.AccountID != "" && a.AccountID != c.AccountID
		a.move(c.AccountID)
	}
	if c.Snapshot && (!c.Found || another || a.Data.Before(e.Order)) {
		a.Data, a.DataReplay = e.Order, e.Replay
	}
	switch e.Scope {
	case events.ScopeLifecycle:
		a.Life, a.LifeReplay = e.Order, e.Replay
		if c.State == Deleted {
			a.Former = cmp.Or(a.AccountID, a.Former)
			a.Deleted, a.AccountID, a.Courses = e.Order, "", left(a.Courses, e.Order)
		}
	case events.ScopeCourse:
		courses := maps.Clone(a.Courses)
		if courses == nil {
			courses = map[string]Course{}
		}
		courses[e.Course] = Course{Enrolled: c.Enrolled, Order: e.Order, Replay: e.Replay}
		a.Courses = courses
	}
}

// left is what is remembered of the courses of an account that is deleted: in none
// of them is it any more, and what is newer than the deletion still keeps what is
// older than it away.
func left(courses map[string]Course, deleted Order) map[string]Course {
	var kept map[string]Course
	for name, c := range courses {
		if deleted.Before(c.Order) {
			if kept == nil {
				kept = map[string]Course{}
			}
			c.Enrolled = false
			kept[name] = c
		}
	}
	return kept
}

// move notes the vendor's id of the account. Where there was another one, which
// is gone, the new account is in none of its courses.
func (a *Account) move(id string) {
	was := a.AccountID
	a.AccountID = id
	if was == "" || was == id {
		return
	}
	courses := maps.Clone(a.Courses)
	for name, c := range courses {
		c.Enrolled = false
		courses[name] = c
	}
	a.Courses = courses
}

// Pause is why an effect was not finished, and when it is to be tried again.
type Pause struct {
	Due          time.Time
	Unsettled    bool // a write may have reached the vendor
	Prerequisite bool // something else must happen first: nothing was asked of the vendor but to look
	Panicked     bool
	Held         bool // it was not begun: a person has to look first; its age counts from when it is
}

// Release gives the claim back without an outcome. It returns false where the
// claim is another's: then nothing is written.
func (a *Account) Release(token string, p Pause) bool {
	if !a.held(token) {
		return false
	}
	e := a.find(a.Claim.Key)
	a.Claim = nil
	if e == nil {
		return true
	}
	e.Due, e.Prerequisite = p.Due, p.Prerequisite
	e.Unsettled = e.Unsettled || p.Unsettled
	// No change can have been asked for, or it was of an account that is not there:
	// only an enrolment that is on its way may still find its course.
	if p.Prerequisite && (!e.Unsettled || e.Scope.WholeAccount()) {
		e.Phase = Waiting
	}
	if p.Panicked {
		e.Panics++
	}
	if p.Held {
		e.Phase, e.Attempts, e.Begun = Waiting, e.Attempts-1, time.Time{}
	}
	return true
}
