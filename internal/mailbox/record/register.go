package record

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
)

// Limits bound a record.
type Limits struct {
	// Bytes is the most encoded bytes with a further pending effect. The store
	// must take HeadRoom more: a claim and outcomes always fit.
	Bytes int
	// Remember is how long a finished event is known.
	Remember time.Duration
}

// HeadRoom is the room of a record, in bytes, for a claim and for outcomes
// beyond Limits.Bytes.
const HeadRoom = 32 << 10

// Arrival is an event, or a replay of an event, before registration.
type Arrival struct {
	Key       Key
	Replay    int
	Position  events.Position
	ReplaySeq uint64 // for a replay: the sequence in the stream of replays
	Type      string
	Scope     events.Scope
	Course    string
	Content   Content
	Sent      Sent
	Later     bool // a replay of a later deletion
}

// Content is a short digest of the content of an event, with the lowest bit clear. Zero is
// unknown, as in records of older versions, and equals every content.
type Content uint16

// ContentOf returns the short digest of a content.
func ContentOf(c events.Content) Content {
	return max(2, Content(binary.BigEndian.Uint16(c[:]))&^failedBit)
}

// differs reports whether two contents are known and different.
func (c Content) differs(other Content) bool { return c != 0 && other != 0 && c != other }

// Refusal is why an arrival was not registered. The zero value refuses none.
type Refusal struct {
	Full  bool   // the record has no room
	Other string // the source and id belong to another event, described here
}

// Register adds arrivals to the record. Events must come in the order of the stream,
// without a gap among the events of the user. A known event is ignored:
// the first position of an event counts. Register returns the rest of the list from the first
// refused arrival on; see Reject.
func (r *Record) Register(list []Arrival, now time.Time, l Limits) (rest []Arrival, why Refusal) {
	r.Seen.expire(now.Add(-l.Remember))
	size := 0
	for i, a := range list {
		if a.Replay == 0 && !r.Registered.Before(a.Position) {
			continue
		}
		known, other := knows(r, a)
		switch {
		case other != "":
			return list[i:], Refusal{Other: other}
		case known:
			if e := r.Pending.find(a.Key, a.Replay); e != nil && !e.Delivered() { // registered by the former core
				e.ReplaySeq = a.ReplaySeq
			}
		default:
			if size == 0 {
				size = sizeOf(r)
				r.Pending = slices.Grow(r.Pending, len(list)-i)
			}
			e := a.effect(now)
			if size += e.size(); size > l.Bytes {
				return list[i:], Refusal{Full: true}
			}
			r.Pending.insert(e)
		}
		if a.Replay == 0 {
			r.Registered = a.Position
		}
	}
	return nil, Refusal{}
}

// Reject finishes an arrival refused by Register, without an attempt. Reject returns false
// for an event with an earlier registration. A repeat of a rejected event is only registered.
func (r *Record) Reject(a Arrival, o Outcome) bool {
	if a.Replay == 0 {
		if !r.Registered.Before(a.Position) {
			return false
		}
		r.Registered = a.Position
	}
	if r.Has(a.Key, a.Replay) {
		return false
	}
	r.Finished = append(r.Finished, Finished{Effect: a.effect(o.At), Outcome: o})
	return true
}

// effect returns the effect of the arrival.
func (a Arrival) effect(now time.Time) Effect {
	return Effect{
		Key: a.Key, Replay: a.Replay, Position: a.Position, ReplaySeq: a.ReplaySeq,
		Type: a.Type, Scope: a.Scope, Course: a.Course, Content: a.Content, Sent: a.Sent, Registered: now, Later: a.Later,
	}
}

// knows reports whether the effect is pending or finished. If an event of another type or with
// other content has the key, knows returns a description of the other event. A replay has the
// content of the event, perhaps read by an older version, and is compared by the type.
func knows(r *Record, a Arrival) (known bool, other string) {
	for i := range r.Pending {
		if e := &r.Pending[i]; e.Key == a.Key {
			known, other = known || e.Replay == a.Replay, a.differsFrom(e, other)
		}
	}
	for i := range r.Finished {
		if e := &r.Finished[i]; e.Key == a.Key {
			known, other = known || e.Replay == a.Replay, a.differsFrom(&e.Effect, other)
		}
	}
	if seen, ok := r.Seen.find(a.Key, a.Replay); ok {
		known = true
		if !seen.fits(a) && other == "" {
			other = "another event"
		}
	}
	return known, other
}

// differsFrom returns the description of an effect of another event with the same key, and
// otherwise known.
func (a Arrival) differsFrom(e *Effect, known string) string {
	switch {
	case e.Type != a.Type:
		return "a " + e.Type
	case a.Replay == 0 && a.Content.differs(e.Content):
		return "a " + e.Type + " with other content"
	}
	return known
}

// effectBytes is the encoded length of a pending effect without its course, at most, with
// a position in the epoch of the record.
const effectBytes = 76

// sentBytes is the encoded length of a Sent, at most.
const sentBytes = 18

// seenEncoded is the length of a SeenEvent in the stored form, in base 64.
const seenEncoded = (seenBytes*4 + 2) / 3

// sizeOf returns the encoded length of a record, at most, without the events to come.
func sizeOf(r *Record) int {
	n := 512 + escaped(r.UserID) + escaped(r.AccountID) + escaped(r.Former) + len(r.Seen)*seenEncoded
	n += len(r.Sent)*4*sentBytes + len(r.Missed)*missedBytes
	for name := range r.Courses {
		n += escaped(name) + 32 + sentBytes
	}
	for i := range r.Pending {
		n += r.Pending[i].size()
	}
	for i := range r.Finished {
		n += r.Finished[i].size() + escaped(r.Finished[i].Message) + 256
	}
	return n
}

// size returns the encoded length of a pending effect, at most.
func (e *Effect) size() int {
	n := effectBytes + escaped(e.Course) + escaped(e.Origin)
	if e.Sent.Source != 0 {
		n += sentBytes
	}
	return n
}

// escaped returns the length of a text in JSON, at most. Escaped characters count
// with the escape.
func escaped(s string) (n int) {
	for _, c := range s {
		n++
		if c < ' ' || c > '~' || strings.ContainsRune(`"\\<>&`, c) {
			n += 5
		}
	}
	return n
}
