package record

import (
	"slices"
	"time"

	"github.com/usherhq/usher/events"
)

// A later deletion is a second effect of the event that has disabled an account, with a key of its
// own and the position of the event. It waits for the end of a grace. Until tried it blocks no other
// effect, waits for all other account-wide effects, and is superseded once the user comes back.

// ReasonLater is the reason in the outcome of a later deletion.
const ReasonLater = "delete_after"

// inGrace reports whether e is a later deletion without an attempt.
func (e *Effect) inGrace() bool { return e.Later && !e.Tried }

// yields reports whether e blocks no other effect.
func (e *Effect) yields() bool { return !e.Tried && (e.Prerequisite || e.Later) }

// precedesLater reports whether a later deletion waits for e.
func (e *Effect) precedesLater() bool { return e.Scope.WholeAccount() && !e.yields() }

// setDue sets the end of the grace. A replay by a person, and a deletion that is held or was
// attempted, has a due time of its own.
func (e *Effect) setDue(grace time.Duration) {
	if e.inGrace() && e.Replay == 0 && e.Attempts == 0 && !e.Held && grace > 0 {
		e.Due = e.Registered.Add(grace)
	}
}

// superseded returns the outcome of a fenced effect.
func superseded(e *Effect, now time.Time) Outcome {
	o := Outcome{Kind: events.Superseded, At: now}
	if e.Later {
		o.Reason = ReasonLater
	}
	return o
}

// hasReturned reports whether the disabled account of a later deletion is no longer disabled, or
// whether a newer event says that the user comes back, even if the event then fails.
func (r *Record) hasReturned(later *Effect) bool {
	comesBack := func(e Effect) bool {
		return e.Scope == events.ScopeLifecycle && e.Type != events.UserDeleted && later.Position.Before(e.Position)
	}
	return r.State != Deleted || !r.Disabled || (!later.Tried && slices.ContainsFunc(r.Pending, comesBack))
}

// InGrace returns the later deletion of the record, if one waits for the end of its grace.
func (r *Record) InGrace() (Effect, bool) {
	i := slices.IndexFunc(r.Pending, func(e Effect) bool { return e.inGrace() && !fenced(r, &e) })
	if i < 0 {
		return Effect{}, false
	}
	return r.Pending[i], true
}

// graceSince returns the start of the present grace; zero without one.
func (r *Record) graceSince() time.Time {
	e, _ := r.InGrace()
	return e.Registered
}

// addLater registers the later deletion of a change. A repeated deletion of the user keeps the
// start since of the present grace.
func (r *Record) addLater(c Change, since time.Time) {
	e := c.Later
	if e.Key == 0 || !c.Disabled || r.Has(e.Key, e.Replay) {
		return
	}
	if !since.IsZero() && since.Before(e.Registered) {
		e.Registered = since
	}
	r.Pending.insert(e)
}
