package ops

import (
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/recordstore"
)

// account returns the state of an account.
func account(vendor string, r *record.Record) AccountAt {
	a := AccountAt{Vendor: vendor, ID: r.AccountID, State: string(r.State)}
	switch {
	case r.State == record.Unknown:
		a.State = "unknown"
	case r.State == record.Deleted && r.Undeleted:
		a.State, a.ID = AccountLeft, r.Former
	case r.State == record.Deleted && r.Disabled:
		a.State, a.ID = AccountDisabled, r.Former
		if later, ok := r.InGrace(); ok {
			a.DeletedAt = &later.Due
		}
	}
	for course, c := range r.Courses {
		if c.Enrolled {
			a.Courses = append(a.Courses, course)
		}
	}
	slices.Sort(a.Courses)
	return a
}

// addRecord adds the effects of a record, and the history in a record of an older version.
func (h *History) addRecord(e recordstore.Entry) error {
	vendor, _ := record.SplitKey(e.Key)
	former, err := mailbox.FormerHistory(e.Key, e.Encoded)
	if err != nil {
		return fmt.Errorf("record %s: %w", e.Key, err)
	}
	for _, f := range former {
		h.add(ended(f))
	}
	for i := range e.Record.Finished {
		h.add(finished(vendor, &e.Record.Finished[i]))
	}
	for i := range e.Record.Pending {
		h.add(pending(vendor, e.Record, &e.Record.Pending[i]))
	}
	return nil
}

// effectOf returns the members of every effect.
func effectOf(vendor string, e *record.Effect) HistoryEvent {
	return HistoryEvent{
		Time: e.Registered, Vendor: vendor, Type: e.Type, Key: e.Key.String(), Course: e.Course,
		Attempts: e.Attempts, Replay: e.Replay, key: e.Key, order: e.Position,
	}
}

// ended returns an effect of the history.
func ended(e history.Entry) HistoryEvent {
	h := HistoryEvent{
		Time: e.First, Vendor: e.Vendor, Type: e.Type, Key: e.Key, Course: e.Course, State: e.Outcome, Ended: &e.Ended, Class: e.Class,
		Attempts: e.Attempts, Replay: e.Replay, Why: e.Message, key: record.KeyOf(e.Key), order: e.Position,
		Action: e.Action, MatchedBy: e.MatchedBy, Changed: e.Changed, Reason: e.Reason, automatic: e.Automatic,
	}
	if !e.Last.IsZero() {
		h.Last = &e.Last
	}
	if e.Automatic {
		h.SentBack = &SentBack{At: e.First}
	}
	return h
}

// finished returns a finished effect.
func finished(vendor string, f *record.Finished) HistoryEvent {
	h := effectOf(vendor, &f.Effect)
	h.State, h.Ended, h.Class, h.Why = f.Kind, &f.At, f.Class, f.Message
	h.Action, h.MatchedBy, h.Changed, h.Reason = f.Action, f.MatchedBy, f.ChangedFields(), f.Reason
	if f.By != "" && f.Attempts > 0 {
		last := f.At.Add(-time.Duration(f.TookMS) * time.Millisecond)
		h.Last = &last
	}
	return h
}

// pending returns an unfinished effect.
func pending(vendor string, r *record.Record, e *record.Effect) HistoryEvent {
	h := effectOf(vendor, e)
	h.State = effectState(r, e)
	if e.Due.After(time.Now()) {
		h.Until = &e.Due
	}
	if h.State == EffectAtWork {
		h.claim = r.Claim.Token
	}
	failure, failed := r.FailureOf(e)
	switch other, blocked := record.Blocker(r, e.Key, e.Replay); {
	case blocked:
		h.behind = &other
	case e.Held:
		h.Why, h.Until = whyHeld, nil // no attempt is made before the approval
	case e.Later && !e.Tried:
		h.later, h.Why = true, "deletes the disabled account"
	case e.Prerequisite:
		h.Why, h.begun = handlers.ErrNoAccount.Error(), e.Begun
		if h.begun.IsZero() { // before the first look-up at the vendor
			h.begun = e.Due
		}
	case failed:
		h.Class, h.Why, h.Last = failure.Class, failure.Message, &failure.At
	}
	return h
}

const whyHeld = "deletions are held until a person approves them: see usher status"

// effectState returns the state of a pending effect.
func effectState(r *record.Record, e *record.Effect) string {
	switch {
	case e.Unconfirmed:
		return EffectUnknown
	case r.Claim.Is(e.Key, e.Replay):
		return EffectAtWork
	case e.Held:
		return EffectHeld
	default:
		return EffectWaiting
	}
}
