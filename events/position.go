package events

import "cmp"

// Position is the position of an event in the stream of events: the creation time of the stream
// in Unix nanoseconds, and the sequence. A recreated stream starts its sequences again, with a
// later epoch.
type Position struct {
	Epoch int64  `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// Compare returns a negative number if p is before q, zero if both are equal, and a
// positive number otherwise.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Epoch, q.Epoch), cmp.Compare(p.Seq, q.Seq))
}

// Before reports whether p is before q.
func (p Position) Before(q Position) bool { return p.Compare(q) < 0 }
