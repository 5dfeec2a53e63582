package events

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"time"
)

// HeaderSeal is the header with the seal of an event from a signed delivery: proof that the endpoint
// of Usher published the event.
const HeaderSeal = "Usher-Seal"

// Seal returns the seal of an event: a MAC over type, source, id, subject, time and data, in
// hexadecimal digits.
func Seal(e Event, key []byte) string {
	mac := hmac.New(sha256.New, key)
	at := ""
	if !e.Time().IsZero() {
		at = e.Time().UTC().Format(time.RFC3339Nano)
	}
	for _, part := range []string{e.Type(), Source(e), e.ID(), e.Subject(), at, string(e.Data())} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		mac.Write(size[:])
		_, _ = io.WriteString(mac, part)
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// CheckSeal returns an error for an event of a reserved source without a seal by one of the keys.
// Without keys nothing is checked.
func CheckSeal(e Event, header map[string][]string, keys [][]byte) error {
	if len(keys) == 0 || !IsWebhookSource(Source(e)) {
		return nil
	}
	for _, seal := range header[HeaderSeal] {
		for _, key := range keys {
			if hmac.Equal([]byte(seal), []byte(Seal(e, key))) {
				return nil
			}
		}
	}
	return &InvalidError{
		Pointer: "/source", Rule: RuleSeal,
		Detail: "sources below /webhooks/ belong to signed deliveries, and Usher's endpoint did not publish this event: choose another source",
	}
}
