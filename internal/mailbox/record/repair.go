package record

import "github.com/usherhq/usher/events"

// Repair says that a vendor holds an account otherwise than the record says. A repair
// travels in a replay of the event applied by the record.
//
// A repair does not write to the record. The effect with the repair ignores the recorded state
// of the account, for as long as the state stands; the outcome is stored as any other. A late
// repair changes nothing.
type Repair struct {
	AccountID string // the vendor's; empty: nothing to repair
	Removes   bool   // the event is a deletion, and the account still exists; otherwise the account is gone
	Position  events.Position
}

// Of returns the record as the repair has it, for reading only.
func (p Repair) Of(r Record) Record {
	switch {
	case p.AccountID == "":
	case p.Removes && r.State == Deleted && r.Former == p.AccountID && r.Lifecycle == p.Position:
		r.State = Active
		r.AccountID = p.AccountID
		r.Indexed = false
	case !p.Removes && r.State == Active && r.AccountID == p.AccountID:
		r.State = Unknown
		r.AccountID = ""
		r.Former = p.AccountID
		r.Courses = nil
	}
	return r
}

// NextReplay returns the number of a further, new replay of an event: higher than all numbers
// in the record.
func NextReplay(r *Record, key Key, position events.Position) int {
	last := 0
	for _, e := range r.Pending {
		if e.Key == key {
			last = max(last, e.Replay)
		}
	}
	for i := range r.Finished {
		if r.Finished[i].Key == key {
			last = max(last, r.Finished[i].Replay)
		}
	}
	for _, e := range r.Seen {
		if e.Key == key {
			last = max(last, int(e.Replay))
		}
	}
	if r.Lifecycle == position {
		last = max(last, r.LifecycleReplay)
	}
	if r.Data == position {
		last = max(last, r.DataReplay)
	}
	for _, c := range r.Courses {
		if c.Position == position {
			last = max(last, c.Replay)
		}
	}
	return last + 1
}
