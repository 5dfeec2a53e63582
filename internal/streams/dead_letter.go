package streams

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
)

// DeadLetter is an effect that failed for good, with all data for a judgement and for a replay.
type DeadLetter struct {
	Vendor   string    `json:"vendor"`
	Type     string    `json:"type"` // of the event, or the subject of an unreadable event
	Key      string    `json:"key"`  // of the event
	EventID  string    `json:"event_id,omitempty"`
	Source   string    `json:"source,omitempty"`
	Class    string    `json:"class"`
	Status   int       `json:"status,omitempty"`
	Message  string    `json:"message"`
	Pointer  string    `json:"pointer,omitempty"` // to the invalid part of the event
	Rule     string    `json:"rule,omitempty"`    // the violated rule
	Places   []string  `json:"places,omitempty"`  // of the faulty events in a delivery, if others are stored
	Attempts int       `json:"attempts"`
	FirstTry time.Time `json:"first_try"`
	LastTry  time.Time `json:"last_try"`
	Epoch    int64     `json:"epoch"` // the position of the original message
	Seq      uint64    `json:"seq"`
	Stored   time.Time `json:"stored,omitzero"`  // the storage time of the original message
	Replay   int       `json:"replay"`           // the number of replays so far
	Repair   string    `json:"repair,omitempty"` // the vendor's id of the account to repair, for a replay that repairs
	Trace    string    `json:"traceparent,omitempty"`
	// Replaying is the number of the replay that was sent at ReplayedAt and has not ended; zero
	// without such a replay.
	Replaying  int       `json:"replaying,omitempty"`
	ReplayedAt time.Time `json:"replayed_at,omitzero"`

	Subject string              `json:"subject"` // of the original message
	Header  map[string][]string `json:"header,omitempty"`
	Payload []byte              `json:"payload,omitempty"`
	// Omitted is the size, and at least 1, of a payload too large for a dead letter. The payload,
	// and headers that are too large as well, stay in the stream of events only. DeadLetters.List
	// restores them and sets Omitted to zero.
	Omitted int `json:"omitted,omitempty"`
	// Digest is the SHA-256 in hex of the omitted payload of a delivery, which is in no stream.
	Digest string `json:"digest,omitempty"`

	sequence uint64 // in the stream, at the time of the read
}

func deadLetterSubject(vendor, kind, key string) string {
	return fmt.Sprintf("%s.%s.%s.%s", DeadLetterSubject, vendor, kind, key)
}

// ID returns the name of a dead letter for people: vendor and event key.
func (d DeadLetter) ID() string { return d.Vendor + "." + d.Key }

// isDelivery reports whether the dead letter is a delivery of a web hook, never an event of a stream.
func (d DeadLetter) isDelivery() bool { return d.Seq == 0 }

// digest returns the dead letter of a delivery with size and digest instead of the payload.
func (d DeadLetter) digest() DeadLetter {
	sum := sha256.Sum256(d.Payload)
	d.Digest, d.Omitted = hex.EncodeToString(sum[:]), max(1, len(d.Payload))
	d.Message = fmt.Sprintf("a body of %d bytes is too large to be kept, sha256 %s: %s", d.Omitted, d.Digest, d.Message)
	d.Payload, d.Header, d.Places = nil, nil, nil
	return d
}

func (d DeadLetter) position() events.Position { return events.Position{Epoch: d.Epoch, Seq: d.Seq} }

// message returns the whole dead letter as a message.
func (d DeadLetter) message() (*nats.Msg, error) {
	if d.isDelivery() {
		d.Header = deliveryHeaders(d.Header)
	} else {
		d.Header = eventHeaders(d.Header)
	}
	body, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write dead letter: %w", err)
	}
	return &nats.Msg{
		Subject: deadLetterSubject(d.Vendor, d.Type, d.Key), Data: body,
		Header: nats.Header{"Content-Type": {"application/json"}, headerClass: {d.Class}},
	}, nil
}
