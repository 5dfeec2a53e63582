// Package events holds the CloudEvents that Usher reads and writes: the event types and their
// data, strict parsing of events from producers, encoding of published events, and the results
// of events at vendors.
//
// The package is at a trust boundary. The event type is the CloudEvents SDK's, but the parsers
// are not: the SDK's parsers panic on some hostile input, accept bytes after the document, and
// do not decode percent-encoded headers.
package events

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Event is the SDK's event. An event from Parse, FromNATS or FromHTTP has a context of version
// 1.0 and attributes exactly as sent.
type Event = event.Event

// Key returns the key of an event: the first 128 bits of SHA-256 over source, a zero byte and
// id, as 32 lower-case hex digits. Equal source and id give equal keys on every transport.
// Neither contains a zero byte, so different pairs hash different bytes.
func Key(source, id string) string {
	return hash(source, id)
}

// Source returns the source of an event. An event of this package has the source as opaque text,
// which the SDK would build anew for each question.
func Source(e Event) string {
	if c, ok := e.Context.(*event.EventContextV1); ok && c != nil && c.Source.URL == (url.URL{Opaque: c.Source.Opaque}) {
		return c.Source.Opaque
	}
	return e.Source()
}

// MsgID returns the Nats-Msg-Id of an event, for deduplication by NATS: 32 hex digits, whatever
// the id contains. The type is part of the hash, unlike in Key: an event that reuses source and
// id is no repeat, and must be stored to be rejected.
func MsgID(kind, source, id string) string {
	return hash(source, id, kind)
}

// hash returns 32 hex digits of SHA-256 over the parts, separated by zero bytes.
func hash(parts ...string) string {
	var room [256]byte // on the stack
	b := room[:0]
	for i, p := range parts {
		if i > 0 {
			b = append(b, 0)
		}
		b = append(b, p...)
	}
	sum := sha256.Sum256(b)
	var digits [32]byte
	hex.Encode(digits[:], sum[:16])
	return string(digits[:])
}

// webhookSources begins the sources of events from web hooks.
const webhookSources = "/webhooks/"

// IsWebhookSource reports whether a source belongs to the web hooks: only a signed delivery
// makes such events, so no other producer can take the id of a delivery.
func IsWebhookSource(source string) bool { return strings.HasPrefix(source, webhookSources) }

// UserID returns the user_id of the data of e, or "" unless the data is a JSON object with a
// string or a whole number of exactly this name. The id is not validated.
func UserID(e Event) string {
	raw, ok := member(e.Data(), "user_id")
	switch {
	case ok && raw[0] == '"':
		return unquote(raw)
	case ok && isWhole(raw):
		return string(raw)
	}
	return ""
}

// Expired reports whether now is at or after the extension expirytime of e. An event without a
// valid RFC 3339 expirytime does not expire.
func Expired(e Event, now time.Time) bool {
	s, ok := e.Extensions()["expirytime"].(string)
	if !ok {
		return false
	}
	t, err := ParseTime(s)
	return err == nil && !now.Before(t)
}

// Extension returns the text of an extension of e, or "" if missing or not a string. Unlike
// e.Extensions, Extension copies nothing.
func Extension(e Event, name string) string {
	c, ok := e.Context.(*event.EventContextV1)
	if !ok || c == nil {
		return ""
	}
	text, _ := c.Extensions[name].(string)
	return text
}
