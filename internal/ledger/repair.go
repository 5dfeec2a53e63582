package ledger

// Repair says that a vendor holds otherwise than the record does of one account.
// The zero value says nothing. It travels in a replay of what the record says
// was done: the creation, the update, the deletion, the restoration or the enrolment.
//
// A repair does not write to the record. It only lets the effect that carries it
// look away from what the record says, for as long as the record still says so of
// that very account; the outcome is then written down as any other. So a repair
// is claimed, waits, is overtaken and is carried out once by the rules that hold
// for all effects, and one that comes too late changes nothing.
type Repair struct {
	Account string // the vendor's id; empty: there is nothing to repair
	Removes bool   // it is a deletion, and the account is still there; else the account is gone
	Order   Order  // of the event that is replayed
}

// Corrected is the record as a repair has it. It is for reading only.
func (a Account) Corrected(r Repair) Account {
	switch {
	case r.Account == "":
	case r.Removes && a.State == Deleted && a.Former == r.Account && a.Life == r.Order:
		a.State, a.AccountID = Active, r.Account
	case !r.Removes && a.State == Active && a.AccountID == r.Account:
		a.State, a.AccountID, a.Former, a.Courses = Unknown, "", r.Account, nil
	}
	return a
}

// Idle tells whether nothing is being done, or is still to be done, to the
// account. Only then does the record say how it was left.
func (a *Account) Idle() bool {
	for _, e := range a.Effects {
		if e.Phase != Finished {
			return false
		}
	}
	return a.Claim == nil
}

// NextReplay is the number that a replay of an event needs to count as a new one:
// as far as the record knows, above all that it had before.
func (a *Account) NextReplay(key string, order Order) int {
	last := 0
	if e := a.find(key); e != nil {
		last = e.Replay
	}
	if a.Life == order {
		last = max(last, a.LifeReplay)
	}
	if a.Data == order {
		last = max(last, a.DataReplay)
	}
	for _, c := range a.Courses {
		if c.Order == order {
			last = max(last, c.Replay)
		}
	}
	return last + 1
}
