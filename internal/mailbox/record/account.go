package record

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
)

// apply brings the account to the state in which the effect has left it.
func apply(r *Record, e *Effect, c Change) {
	appeared := c.State == Active && (r.State != Active || (c.AccountID != "" && c.AccountID != r.AccountID))
	another := c.AccountID != "" && r.AccountID != "" && c.AccountID != r.AccountID
	if c.State != Unknown {
		r.State, r.Undeleted = c.State, c.Undeleted
	}
	if c.AccountID != "" {
		move(r, c.AccountID)
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
			leaveCourses(r)
		}
	case events.ScopeCourse:
		if r.Courses == nil {
			r.Courses = map[string]Course{}
		}
		r.Courses[e.Course] = Course{Enrolled: c.Enrolled, Position: e.Position, Replay: e.Replay}
	}
	for i := range r.Pending {
		if e := &r.Pending[i]; appeared && e.Prerequisite { // due at once
			e.Prerequisite, e.Due = false, time.Time{}
		}
	}
}

// leaveCourses keeps of the courses of a deleted account those with a newer change than
// the deletion, since these still fence older changes. The account is in none of them.
func leaveCourses(r *Record) {
	maps.DeleteFunc(r.Courses, func(_ string, c Course) bool { return !r.Deleted.Before(c.Position) })
	for name, c := range r.Courses {
		c.Enrolled = false
		r.Courses[name] = c
	}
}

// move notes the vendor's id of the account, which the index of accounts names the record
// for. A new account in place of a former one is in none of its courses.
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

// Hold says whether a record holds an account.
type Hold uint8

// The answers of HoldOf.
const (
	// Free: the record does not hold the account.
	Free Hold = iota
	// Changing: the effects in progress decide whether the record will hold the account.
	Changing
	// Held: the account of the record is active.
	Held
)

// HoldOf reports whether a record holds an account. A claim, or a change that may have reached
// the vendor, may still give the account to the record or delete it. A lifecycle event that
// waits may take the account from the record.
func HoldOf(r *Record, accountID string) Hold {
	holds := Holds(r, accountID)
	pending := func(is func(e Effect) bool) bool { return slices.ContainsFunc(r.Pending, is) }
	switch {
	case holds && !pending(func(e Effect) bool { return e.Scope == events.ScopeLifecycle }):
		return Held
	case holds, r.Claim != nil, pending(func(e Effect) bool { return e.Tried }):
		return Changing
	}
	return Free
}

// Holds reports whether the account of a record is active and has this id.
func Holds(r *Record, accountID string) bool {
	return r.State == Active && r.AccountID == accountID && accountID != ""
}

// HasUnconfirmedLifecycle reports whether another lifecycle event, newer than the last one
// applied, was attempted. The vendor may then differ from the record.
func HasUnconfirmedLifecycle(r *Record, key Key) bool {
	return r.Lifecycle.Before(r.Attempted) || slices.ContainsFunc(r.Pending, func(e Effect) bool {
		return e.Key != key && e.Scope == events.ScopeLifecycle && e.Attempts > 0 && r.Lifecycle.Before(e.Position)
	})
}
