// Package events holds the CloudEvents that Usher takes in and gives out: the
// event types, their data, the strict reading of what producers send, the
// writing of what Usher publishes, and the results that say what came of an
// event at a vendor.
//
// The package stands at a trust boundary. It uses the CloudEvents SDK's event
// type, but none of the SDK's parsers: those panic on some hostile input,
// accept bytes after the document, and do not decode percent-encoded headers.
package events

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Event is the SDK's event. One that Parse, FromNATS or FromHTTP returned has a
// context of version 1.0, and its attributes read exactly as the producer wrote
// them.
type Event = event.Event

// Key identifies an event: the first 128 bits of SHA-256 over source, a zero
// byte and id, as 32 lower-case hex digits. The same source and id give the same
// key, however the event came. Neither can hold a zero byte, so no two pairs
// share the hashed bytes.
func Key(source, id string) string {
	return hash(source, id)
}

// MsgID returns the Nats-Msg-Id of an event, by which NATS drops repeats: of fixed
// length, and safe in a header whatever the id holds. The type is in it beside what
// Key is made of: an event that has another one's source and id is no repeat, and
// has to come in to be refused.
func MsgID(kind, source, id string) string {
	return hash(source, id, kind)
}

// hash returns 32 hex digits of SHA-256 over the parts, a zero byte between them.
func hash(parts ...string) string {
	var b []byte
	for i, p := range parts {
		if i > 0 {
			b = append(b, 0)
		}
		b = append(b, p...)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// UserID returns the user_id of e's data, or "" where the data is no JSON object
// with a string of exactly that name. It does not check the id.
func UserID(e Event) string {
	raw, ok := member(e.Data(), "user_id")
	if !ok || raw[0] != '"' {
		return ""
	}
	return unquote(raw)
}

// Expired reports whether now is at or after e's expirytime extension. An event
// without one, or with one that is no RFC 3339 timestamp, does not expire.
func Expired(e Event, now time.Time) bool {
	s, ok := e.Extensions()["expirytime"].(string)
	if !ok {
		return false
	}
	t, err := ParseTime(s)
	return err == nil && !now.Before(t)
}

// Extension returns the text of an extension of e, "" where it has none of that
// name, or one that is no text. Unlike e.Extensions it copies nothing.
func Extension(e Event, name string) string {
	c, ok := e.Context.(*event.EventContextV1)
	if !ok || c == nil {
		return ""
	}
	text, _ := c.Extensions[name].(string)
	return text
}
