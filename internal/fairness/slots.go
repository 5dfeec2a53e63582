package fairness

import "time"

// Slots bounds the calls that run side by side at one vendor, by class. While several
// classes wait, each has a quota:
//
//   - wakes: half of the slots while fresh work waits, and an eighth once the oldest
//     fresh work has waited for a second; at least one slot;
//   - activity: a tenth of the slots, rounded up, while another class waits;
//   - the first waiting class: the rest; at least one slot.
//
// A class takes slots above its quota only if no waiting class is below its own, and
// the first waiting class takes these. A class that waits alone may take all slots. With
// fewer slots than waiting classes the classes take turns.
//
// Slots is deterministic, keeps no clock, and is not safe for concurrent use: one
// scheduler owns it.
type Slots struct {
	total int
	busy  Counts
	turns turns
}

// NewSlots returns Slots for total calls side by side. A total below one counts as one.
func NewSlots(total int) *Slots { return &Slots{total: max(1, total)} }

// Admit chooses the class of the next call among the waiting ones and takes a slot for
// it. waiting is the number of pieces of work that wait, by class; freshFor is the time
// that the oldest fresh one has waited. Admit returns false without a free slot or
// without waiting work. Each admission needs one End.
func (s *Slots) Admit(waiting Counts, freshFor time.Duration) (Class, bool) {
	first, ok := waiting.first()
	if !ok || s.busy.sum() >= s.total {
		return Fresh, false
	}
	wake := wakeParts(freshFor)
	entitled := s.belowQuota(waiting, s.quotas(waiting, wake))
	if entitled.sum() == 0 {
		entitled[first] = waiting[first]
	}
	chosen := s.turns.next(entitled, wake)
	s.busy[chosen]++
	return chosen, true
}

// End gives back a slot that Admit took for class c. An End without an admission changes
// nothing.
func (s *Slots) End(c Class) { s.busy[c] = max(0, s.busy[c]-1) }

// Busy returns the number of slots in use, by class.
func (s *Slots) Busy() Counts { return s.busy }

// quotas returns the quota of each waiting class.
func (s *Slots) quotas(waiting Counts, wake int) Counts {
	first, _ := waiting.first()
	quota := Counts{}
	if first < Wake && waiting[Wake] > 0 {
		quota[Wake] = max(1, s.total*wake/wholeTurn)
	}
	if first < Activity && waiting[Activity] > 0 {
		quota[Activity] = (s.total*tenthTurn + wholeTurn - 1) / wholeTurn
	}
	quota[first] = max(1, s.total-quota.sum())
	return quota
}

// belowQuota returns the waiting work of the classes that use fewer slots than their quota.
func (s *Slots) belowQuota(waiting, quota Counts) Counts {
	for c := range Class(Classes) {
		if s.busy[c] >= quota[c] {
			waiting[c] = 0
		}
	}
	return waiting
}
