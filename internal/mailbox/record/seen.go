package record

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
)

// Seen remembers the recently finished events, the oldest first.
type Seen []SeenEvent

// SeenEvent is a finished event, or a finished replay of an event.
type SeenEvent struct {
	Key    Key
	Replay uint16
	Type   uint16 // hash of the event type and the content, with the lowest bit set if the effect failed
	Minute uint32 // Unix time in minutes
}

// seenBytes is the length of a SeenEvent in binary form.
const seenBytes = 8 + 2 + 2 + 4

// failedBit is set in the Type of a failed SeenEvent.
const failedBit = 1

// hashType returns the hash of an event type, without failedBit.
func hashType(t string) uint16 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(t))
	return uint16(h.Sum32()) &^ failedBit
}

// fits reports whether the entry may be of the arrival: of the type with the content, or of the
// type without a known content. A replay may have the content as an older version read it.
func (e SeenEvent) fits(a Arrival) bool {
	kind := e.Type &^ failedBit
	return a.Replay > 0 || kind == hashType(a.Type) || kind == hashType(a.Type)^uint16(a.Content)
}

// add remembers a finished effect.
func (s *Seen) add(f *Finished, at time.Time) {
	kind := hashType(f.Type) ^ uint16(f.Content)
	if f.Kind == events.Failed {
		kind |= failedBit
	}
	*s = append(*s, SeenEvent{Key: f.Key, Replay: uint16(f.Replay), Type: kind, Minute: uint32(at.Unix() / 60)})
}

// limit drops the oldest entries beyond most.
func (s *Seen) limit(most int) {
	if over := len(*s) - most; over > 0 {
		*s = slices.Delete(*s, 0, over)
	}
}

// expire drops the events from before t.
func (s *Seen) expire(t time.Time) {
	minute := uint32(max(0, t.Unix()/60))
	n := 0
	for n < len(*s) && (*s)[n].Minute < minute {
		n++
	}
	if n > 0 {
		*s = slices.Delete(*s, 0, n)
	}
}

// find returns the last entry of an event or of a replay.
func (s Seen) find(key Key, replay int) (SeenEvent, bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].Key == key && s[i].Replay == uint16(replay) {
			return s[i], true
		}
	}
	return SeenEvent{}, false
}

// MarshalBinary returns the entries in a fixed length each.
func (s Seen) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, len(s)*seenBytes)
	for _, e := range s {
		b = binary.BigEndian.AppendUint64(b, uint64(e.Key))
		b = binary.BigEndian.AppendUint16(b, e.Replay)
		b = binary.BigEndian.AppendUint16(b, e.Type)
		b = binary.BigEndian.AppendUint32(b, e.Minute)
	}
	return b, nil
}

// UnmarshalBinary reads the form of MarshalBinary. A shorter rest is ignored.
func (s *Seen) UnmarshalBinary(b []byte) error {
	*s = make(Seen, 0, len(b)/seenBytes)
	for ; len(b) >= seenBytes; b = b[seenBytes:] {
		*s = append(*s, SeenEvent{
			Key:    Key(binary.BigEndian.Uint64(b)),
			Replay: binary.BigEndian.Uint16(b[8:]),
			Type:   binary.BigEndian.Uint16(b[10:]),
			Minute: binary.BigEndian.Uint32(b[12:]),
		})
	}
	return nil
}
