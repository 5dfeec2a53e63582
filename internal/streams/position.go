package streams

import "cmp"

// Position is the place of an event in the stream of events. A stream that is deleted and
// made anew counts from 1 again, in a later epoch.
type Position struct {
	Epoch int64  `json:"epoch"` // creation time of the stream, in unix nanoseconds
	Seq   uint64 `json:"seq"`   // stream sequence; 0 stands before the first event
}

// Compare returns -1, 0 or +1 if p is before q, equal to q or after q.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Epoch, q.Epoch), cmp.Compare(p.Seq, q.Seq))
}
