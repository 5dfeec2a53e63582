package events

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
)

// Content is a digest of everything in an event that can change an account: type, source, id,
// the data as returned by Clean, the extension expirytime and, for activity without a moment of
// its own, the time. Two events with one source and id and different contents are two events.
//
// Order of members, white space, escapes, the other attributes and extensions (a trace context
// is new for each attempt of a sender), and time, which may be left out, make no difference.
type Content [sha256.Size]byte

// ContentOf returns the content of e.
func ContentOf(e Event) Content {
	cleaned, _ := Clean(e)
	parts := []string{e.Type(), Source(e), e.ID(), Extension(e, "expirytime"), "", canonical(cleaned)}
	if e.Type() == ActivityTracked {
		if _, ok := member(cleaned.Data(), "occurred_at"); !ok && !e.Time().IsZero() {
			parts[4] = e.Time().UTC().String()
		}
	}
	var b []byte
	for _, p := range parts {
		b = append(append(b, p...), 0)
	}
	return sha256.Sum256(b)
}

// canonical returns JSON data with sorted members and without white space, and other data as it
// is. Numbers keep the digits.
func canonical(e Event) string {
	if e.DataBase64 || !IsJSON(e.DataContentType()) {
		return string(e.Data())
	}
	d := json.NewDecoder(bytes.NewReader(e.Data()))
	d.UseNumber()
	var value any
	if d.Decode(&value) != nil {
		return string(e.Data())
	}
	text, err := json.Marshal(value)
	if err != nil {
		return string(e.Data())
	}
	return string(text)
}
