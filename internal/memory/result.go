package memory

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/usherhq/usher/events"
)

// The members of a result in the order of events.ToNATS. The bytes cannot be part of a text: the
// quotes of a text are escaped.
var (
	beforeID      = []byte(`{"specversion":"1.0","id":"`)
	beforeSubject = []byte(`,"subject":"`)
)

// resultID returns the id of a stored result, and reports whether the message is a result.
func resultID(payload []byte) (string, bool) {
	if rest, ok := bytes.CutPrefix(payload, beforeID); ok {
		if id, _, ok := bytes.Cut(rest, []byte{'"'}); ok && !bytes.ContainsRune(id, '\\') {
			return string(id), true
		}
	}
	e, err := events.Parse(payload)
	return e.ID(), err == nil
}

// userOf returns the user of a stored result; "" if the result does not name one.
func userOf(payload []byte) string {
	_, rest, ok := bytes.Cut(payload, beforeSubject)
	if !ok {
		return ""
	}
	if user, _, ok := bytes.Cut(rest, []byte{'"'}); ok && !bytes.ContainsRune(user, '\\') {
		return string(user)
	}
	e, err := events.Parse(payload)
	if err != nil {
		return ""
	}
	return e.Subject()
}

// tag is 32 bits of the hash of a user id, to find the results of the user.
type tag uint32

func tagOf(user string) tag {
	sum := sha256.Sum256([]byte(user))
	return tag(binary.BigEndian.Uint32(sum[:]))
}

// shards is the number of values with the places of a segment.
const shards = 16

func (t tag) shard() int { return int(t >> 28) }
