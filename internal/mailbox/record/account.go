package record

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
)

// apply brings the account to the state in which the effect has left it.
func (r *Record) apply(e *Effect, c Change) {
	appeared := c.State == Active && (r.State != Active || (c.AccountID != "" && c.AccountID != r.AccountID))
	another := c.AccountID != "" && r.AccountID != "" && c.AccountID != r.AccountID
	if c.State != Unknown {
		r.State, r.Undeleted = c.State, c.Undeleted
	}
	if c.AccountID != "" {
		r.move(c.AccountID)
	}
	if c.Snapshot && (!c.Found || another || r.Data.Before(e.Position)) {
		r.Data, r.DataReplay = e.Position, e.Replay
	}
	switch e.Scope {
	case events.ScopeLifecycle:
		r.Lifecycle, r.LifecycleReplay = e.Position, e.Replay
		if c.State == Deleted {
			r.Former = cmp.Or(r.AccountID, r.Former)
			r.Deleted, r.AccountID, r.Indexed = e.Position, "", false
			r.leaveCourses()
		}
	case events.ScopeCourse:
		courses := maps.Clone(r.Courses)
		if courses == nil {
			courses = map[string]Course{}
		}
		courses[e.Course] = Course{Enrolled: c.Enrolled, Position: e.Position, Replay: e.Replay}
		r.Courses = courses
	}
	if appeared {
		r.releasePrerequisites()
	}
}

// releasePrerequisites makes the effects that waited for an account due at once.
func (r *Record) releasePrerequisites() {
	for i := range r.Pending {
		if e := &r.Pending[i]; e.Prerequisite {
			e.Prerequisite, e.Due = false, time.Time{}
		}
	}
}

// leaveCourses keeps of the courses of a deleted account those with a newer change than
// the deletion, since these still fence older changes. The account is in none of them.
func (r *Record) leaveCourses() {
	kept := map[string]Course{}
	for name, c := range r.Courses {
		if r.Deleted.Before(c.Position) {
			c.Enrolled = false
			kept[name] = c
		}
	}
	r.Courses = kept
}

// move notes the vendor's id of the account, which the index of accounts names the record
// for. A new account in place of a former one is in none of its courses.
func (r *Record) move(id string) {
	former := r.AccountID
	r.AccountID, r.Indexed = id, true
	if former == "" || former == id {
		return
	}
	courses := maps.Clone(r.Courses)
	for name, c := range courses {
		c.Enrolled = false
		courses[name] = c
	}
	r.Courses = courses
}

// Hold says whether a record holds an account.
type Hold uint8

// The answers of Record.Hold.
const (
	// Free: the record does not hold the account.
	Free Hold = iota
	// Changing: the effects in progress decide whether the record will hold the account.
	Changing
	// Held: the account of the record is active.
	Held
)

// Hold reports whether the record holds an account. A claim, or a change that may have reached
// the vendor, may still give the account to the record or delete it. A lifecycle event that
// waits may take the account from the record.
func (r *Record) Hold(accountID string) Hold {
	holds := r.Holds(accountID)
	pending := func(is func(e Effect) bool) bool { return slices.ContainsFunc(r.Pending, is) }
	switch {
	case holds && !pending(func(e Effect) bool { return e.Scope == events.ScopeLifecycle }):
		return Held
	case holds, r.Claim != nil, pending(func(e Effect) bool { return e.Tried }):
		return Changing
	}
	return Free
}

// Holds reports whether the account of the record is active and has this id.
func (r *Record) Holds(accountID string) bool {
	return r.State == Active && r.AccountID == accountID && accountID != ""
}
