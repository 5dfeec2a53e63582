package record

import (
	"slices"
	"time"

	"github.com/usherhq/usher/events"
)

// Limits bound a record.
type Limits struct {
	// Bytes is the largest encoded record that takes a further pending effect. The store
	// must take HeadRoom more: a claim and outcomes always fit.
	Bytes int
	// Remember is how long a finished event is known.
	Remember time.Duration
}

// HeadRoom is the room, in bytes, that a record keeps for a claim and for outcomes
// beyond Limits.Bytes.
const HeadRoom = 32 << 10

// Arrival is an event, or a replay of an event, that asks for an effect.
type Arrival struct {
	Key       Key
	Replay    int
	Position  Position
	ReplaySeq uint64 // for a replay: its sequence in the stream of replays
	Type      string
	Scope     events.Scope
	Course    string
}

// Refusal is why an arrival was not registered.
type Refusal string

// The refusals.
const (
	// Overload: the record is full.
	Overload Refusal = "overload"
	// IDReused: another event type has this source and id.
	IDReused Refusal = "id reused"
)

// Refused is an arrival that was not registered, with the reason.
type Refused struct {
	Arrival
	Why   Refusal
	Other string // for IDReused: the type of the event that has the id
}

// Register adds arrivals to the record. Events must come in the order of the stream,
// without a gap among the events of the user. An event that the record knows is
// ignored: the first position of an event counts. Register returns the arrivals that
// the record refuses.
func (r *Record) Register(list []Arrival, now time.Time, l Limits) (refused []Refused) {
	r.Seen.expire(now.Add(-l.Remember))
	size := 0
	for _, a := range list {
		if a.Replay == 0 {
			if !r.Registered.Before(a.Position) {
				continue
			}
			r.Registered = a.Position
		}
		known, other := r.knows(a)
		switch {
		case other != "":
			refused = append(refused, Refused{a, IDReused, other})
			continue
		case known:
			continue
		}
		e := Effect{
			Key: a.Key, Replay: a.Replay, Position: a.Position, ReplaySeq: a.ReplaySeq,
			Type: a.Type, Scope: a.Scope, Course: a.Course, Registered: now,
		}
		if size == 0 {
			size = r.size()
		}
		if size += e.size(); size > l.Bytes {
			size -= e.size()
			refused = append(refused, Refused{a, Overload, ""})
			continue
		}
		r.insert(e)
	}
	return refused
}

// insert adds a pending effect behind all effects at or before its position.
func (r *Record) insert(e Effect) {
	at := len(r.Pending)
	for at > 0 && e.Position.Before(r.Pending[at-1].Position) {
		at--
	}
	r.Pending = slices.Insert(r.Pending, at, e)
}

// knows reports whether the effect is pending or finished. If an event of another type
// has the key, knows returns that type; "another type" if only its hash is known.
func (r *Record) knows(a Arrival) (known bool, other string) {
	for i := range r.Pending {
		if e := &r.Pending[i]; e.Key == a.Key {
			known, other = known || e.Replay == a.Replay, differs(e.Type, a.Type, other)
		}
	}
	for i := range r.Finished {
		if e := &r.Finished[i]; e.Key == a.Key {
			known, other = known || e.Replay == a.Replay, differs(e.Type, a.Type, other)
		}
	}
	if seen, ok := r.Seen.find(a.Key, a.Replay); ok {
		known = true
		if seen.Type != hashType(a.Type) && other == "" {
			other = "another type"
		}
	}
	return known, other
}

// differs returns have if it is another type than want, and otherwise known.
func differs(have, want, known string) string {
	if have != want {
		return have
	}
	return known
}
