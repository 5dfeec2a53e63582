package record

import "github.com/usherhq/usher/events"

// Repair says that a vendor holds an account otherwise than the record says. A repair
// travels in a replay of the event that the record says was applied.
//
// A repair does not write to the record. The effect that carries the repair ignores what
// the record says of this account, for as long as the record says so; its outcome is
// stored as any other. A repair that comes too late changes nothing.
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
		r.State, r.AccountID, r.Indexed = Active, p.AccountID, false
	case !p.Removes && r.State == Active && r.AccountID == p.AccountID:
		r.State, r.AccountID, r.Former, r.Courses = Unknown, "", p.AccountID, nil
	}
	return r
}

// NextReplay returns the number that a further replay of an event needs to count as new:
// higher than all numbers that the record knows.
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
