package fairness

import "time"

// Slots bounds the calls that run side by side at a vendor, by class. While several
// classes wait, each has a quota:
//
//   - wakes: half of the slots while fresh work waits, and an eighth once the oldest
//     fresh work has waited for a second; never less than a slot;
//   - activity: a tenth of the slots, rounded up, while another class waits;
//   - the first waiting class: the rest, without the slots kept for fresh work; never less
//     than a slot.
//
// A class that does not wait has no quota, and its part goes to the others. But an eighth of
// the slots, from one to four, is kept for fresh work, even if none waits: otherwise slow wakes
// would take all slots, and fresh work would wait for their ends. Of many slots, some end soon.
// A single slot is for all classes. With fewer slots than waiting classes the classes take
// turns.
//
// Slots is deterministic, keeps no clock, and is not safe for concurrent use: a single
// scheduler owns a Slots.
type Slots struct {
	total int
	busy  Counts
	turns turns
}

// NewSlots returns Slots for total calls side by side. A total below one counts as one.
func NewSlots(total int) *Slots { return &Slots{total: max(1, total)} }

// Admit chooses the class of the next call among the waiting classes and takes a slot.
// waiting is the number of waiting pieces of work by class; freshFor is how long the
// oldest fresh piece has waited. Admit returns false without a free slot or without
// waiting work. Each admission needs an End.
func (s *Slots) Admit(waiting Counts, freshFor time.Duration) (Class, bool) {
	may := waiting
	if s.busy[Wake]+s.busy[Activity] >= s.total-s.keptFree() {
		may[Wake], may[Activity] = 0, 0
	}
	first, ok := may.first()
	if !ok || s.busy.sum() >= s.total {
		return Fresh, false
	}
	wake := wakeParts(freshFor)
	// The quotas add up to all slots at least, so with a free slot some class is below its own.
	chosen := s.turns.next(waiting, s.belowQuota(may, s.quotas(may, first, wake)), wake)
	s.busy[chosen]++
	return chosen, true
}

// End gives back a slot of class c. An End without an admission changes
// nothing.
func (s *Slots) End(c Class) { s.busy[c] = max(0, s.busy[c]-1) }

// Busy returns the number of slots in use, by class.
func (s *Slots) Busy() Counts { return s.busy }

// mostKeptFree bounds the slots kept for fresh work, and so the loss of activity alone.
const mostKeptFree = 4

// keptFree returns the number of slots that only fresh work gets.
func (s *Slots) keptFree() int {
	if s.total == 1 {
		return 0
	}
	return min(max(1, s.total*eighthTurn/wholeTurn), mostKeptFree)
}

// quotas returns the quota of each waiting class, of which first is the first. wake is the
// share of wakes in parts of a turn.
func (s *Slots) quotas(waiting Counts, first Class, wake int) Counts {
	quota := Counts{}
	if first < Wake && waiting[Wake] > 0 {
		quota[Wake] = max(1, s.total*wake/wholeTurn)
	}
	if first < Activity && waiting[Activity] > 0 {
		quota[Activity] = (s.total*tenthTurn + wholeTurn - 1) / wholeTurn
	}
	rest := s.total - quota.sum()
	if first != Fresh {
		rest -= s.keptFree()
	}
	quota[first] = max(1, rest)
	return quota
}

// belowQuota returns the work that may be admitted, without the classes at or above the quota.
func (s *Slots) belowQuota(may, quota Counts) Counts {
	for c := range Class(Classes) {
		if s.busy[c] >= quota[c] {
			may[c] = 0
		}
	}
	return may
}
