package ops

import (
	"slices"
	"time"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// account returns the state of an account.
func account(vendor string, r *record.Record) AccountAt {
	a := AccountAt{Vendor: vendor, ID: r.AccountID, State: string(r.State)}
	switch {
	case r.State == record.Unknown:
		a.State = "unknown"
	case r.State == record.Deleted && r.Undeleted:
		a.State, a.ID = AccountLeft, r.Former
	}
	for course, c := range r.Courses {
		if c.Enrolled {
			a.Courses = append(a.Courses, course)
		}
	}
	slices.Sort(a.Courses)
	return a
}

// add adds the effects of a record.
func (s *Story) add(vendor string, r *record.Record) {
	for i := range r.Finished {
		s.Events = append(s.Events, finished(vendor, &r.Finished[i]))
	}
	for i := range r.Pending {
		s.Events = append(s.Events, pending(vendor, r, &r.Pending[i]))
	}
}

// effectOf returns what every effect has.
func effectOf(vendor string, e *record.Effect) StoryEvent {
	return StoryEvent{
		Time: e.Registered, Vendor: vendor, Type: e.Type, Key: e.Key.String(), Course: e.Course,
		Attempts: e.Attempts, Replay: e.Replay, key: e.Key, order: e.Position,
	}
}

// finished returns an effect that has ended.
func finished(vendor string, f *record.Finished) StoryEvent {
	s := effectOf(vendor, &f.Effect)
	s.State, s.Last, s.Ended, s.Why = f.Kind, &f.At, &f.At, f.Message
	return s
}

// pending returns an effect that has not ended.
func pending(vendor string, r *record.Record, e *record.Effect) StoryEvent {
	s := effectOf(vendor, e)
	s.State = effectState(r, e)
	if e.Due.After(time.Now()) {
		s.Until = &e.Due
	}
	switch other, blocked := r.Blocker(e.Key, e.Replay); {
	case blocked:
		s.behind = &other
	case e.Held:
		s.Why = whyHeld
	case e.Prerequisite:
		s.Why, s.begun = handlers.ErrNoAccount.Error(), e.Begun
		if s.begun.IsZero() { // until the vendor is asked for the first time
			s.begun = e.Due
		}
	}
	return s
}

const whyHeld = "deletions are held until a person approves them: see usher status"

// effectState returns the state of a pending effect.
func effectState(r *record.Record, e *record.Effect) string {
	switch {
	case e.Unconfirmed:
		return EffectUnknown
	case r.Claims(e.Key, e.Replay):
		return EffectAtWork
	default:
		return EffectWaiting
	}
}
