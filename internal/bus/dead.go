package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// DeadLetter is an effect that failed for good, with all that a person needs to
// judge it and all that is needed to send it back.
type DeadLetter struct {
	Vendor   string    `json:"vendor"`
	Type     string    `json:"type"` // of the event, or the subject it came on
	Key      string    `json:"key"`  // of the event
	EventID  string    `json:"event_id,omitempty"`
	Source   string    `json:"source,omitempty"`
	Class    string    `json:"class"`
	Status   int       `json:"status,omitempty"`
	Message  string    `json:"message"`
	Pointer  string    `json:"pointer,omitempty"` // into the event, where it is at fault
	Rule     string    `json:"rule,omitempty"`    // that it breaks
	Attempts int       `json:"attempts"`
	FirstTry time.Time `json:"first_try"`
	LastTry  time.Time `json:"last_try"`
	Epoch    int64     `json:"epoch"` // the order of the event's first message
	Seq      uint64    `json:"seq"`
	Stored   time.Time `json:"stored,omitzero"` // when that message was stored
	Replay   int       `json:"replay"`          // how often it had been sent back
	Trace    string    `json:"traceparent,omitempty"`
	// Replaying is the number of the replay that is on its way, since ReplayedAt;
	// zero where none is.
	Replaying  int       `json:"replaying,omitempty"`
	ReplayedAt time.Time `json:"replayed_at,omitzero"`

	Subject string              `json:"subject"` // the event as it came
	Header  map[string][]string `json:"header,omitempty"`
	Payload []byte              `json:"payload,omitempty"`
	// Omitted is the size of a payload that is too large to be stored once more, and
	// at least 1: it is read from the stream of events, and so are the headers where
	// they are too large as well. It is zero again once they are read.
	Omitted int `json:"omitted,omitempty"`

	at uint64 // where it stands in its stream, as it was read
}

// headerClass bears the class of a dead letter, so that they can be counted by
// their headers alone.
const headerClass = "Usher-Class"

// deadSubject is what a dead letter is published on. A newer one for the same
// effect takes its place.
func deadSubject(vendor, kind, key string) string {
	return fmt.Sprintf("usher.dead.%s.%s.%s", vendor, kind, key)
}

func (d DeadLetter) subject() string { return deadSubject(d.Vendor, d.Type, d.Key) }

// ID names a dead letter for people: vendor and event key.
func (d DeadLetter) ID() string { return d.Vendor + "." + d.Key }

// Bury stores a dead letter, and returns once the server has it.
func (b *Bus) Bury(ctx context.Context, d DeadLetter) error {
	m, err := b.letter(d)
	if err != nil {
		return err
	}
	_, err = b.put(ctx, m)
	return err
}

// letter is the dead letter as it is stored: where it would be too large, without
// its payload, and where that is not enough, without its headers.
func (b *Bus) letter(d DeadLetter) (*nats.Msg, error) {
	m, err := d.message()
	if err != nil || b.fits(m) {
		return m, err
	}
	if d.Seq == 0 {
		return nil, errNowhere
	}
	d.Payload, d.Omitted = nil, max(1, len(d.Payload))
	if m, err = d.message(); err != nil || b.fits(m) {
		return m, err
	}
	d.Header = nil
	return d.message()
}

func (b *Bus) fits(m *nats.Msg) bool { return int64(len(m.Data)) <= b.nc.MaxPayload()-headerRoom }

// headerRoom is what the headers of a dead letter take, and some.
const headerRoom = 1 << 10

// errNowhere is returned for a dead letter that cannot be kept whole, of what is in
// no stream.
var errNowhere = errors.New("it is too large to be kept as a dead letter")

// errNoPayload is returned for a replay of a dead letter whose payload is gone.
var errNoPayload = errors.New("its payload was too large to be kept, and is no longer in the stream of events")

// fill reads what was too large to be kept with a dead letter.
func (b *Bus) fill(ctx context.Context, d *DeadLetter) error {
	raw, err := b.at(ctx, d.Epoch, d.Seq)
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	d.Payload, d.Omitted = raw.Payload, 0
	if len(d.Header) == 0 {
		d.Header = kept(raw.Header)
	}
	return nil
}

// message is the dead letter as it is stored.
func (d DeadLetter) message() (*nats.Msg, error) {
	d.Header = kept(d.Header)
	body, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write dead letter: %w", err)
	}
	return &nats.Msg{Subject: d.subject(), Data: body, Header: nats.Header{"Content-Type": {"application/json"}, headerClass: {d.Class}}}, nil
}

// ErrNoDeadLetter is returned where there is none of that name.
var ErrNoDeadLetter = errors.New("no such dead letter")

// DeadLetters calls yield with each dead letter, in the order in which they were
// stored or marked, until it returns false.
func (b *Bus) DeadLetters(ctx context.Context, yield func(DeadLetter) bool) error {
	var bad error
	r := reading{stream: DeadStream, consumer: jetstream.OrderedConsumerConfig{FilterSubjects: []string{"usher.dead.>"}}}
	err := b.scan(ctx, r, func(m jetstream.Msg) bool {
		meta, err := m.Metadata()
		if err != nil {
			bad = err
			return false
		}
		d, ok := readDead(m.Data(), meta.Sequence.Stream)
		if ok && d.Omitted > 0 {
			bad = b.fill(ctx, &d)
		}
		return bad == nil && (!ok || yield(d))
	})
	return errors.Join(err, bad)
}

// readDead reads a message of the dead letters' stream. ok is false for one that
// is not ours.
func readDead(letter []byte, seq uint64) (d DeadLetter, ok bool) {
	if err := json.Unmarshal(letter, &d); err != nil {
		return d, false
	}
	d.at = seq
	return d, true
}

// DeadLetter returns the one with this ID.
func (b *Bus) DeadLetter(ctx context.Context, id string) (DeadLetter, error) {
	var found *DeadLetter
	err := b.DeadLetters(ctx, func(d DeadLetter) bool {
		if d.ID() == id {
			found = &d
		}
		return found == nil
	})
	switch {
	case err != nil:
		return DeadLetter{}, err
	case found == nil:
		return DeadLetter{}, fmt.Errorf("%s: %w", id, ErrNoDeadLetter)
	}
	return *found, nil
}

// last returns the dead letter that stands on a subject now, or ErrNoDeadLetter.
func (b *Bus) last(ctx context.Context, subject string) (DeadLetter, error) {
	stream, err := b.stream(ctx, DeadStream)
	if err != nil {
		return DeadLetter{}, err
	}
	m, err := lastMessage(ctx, stream, subject)
	if errors.Is(err, ErrGone) {
		return DeadLetter{}, ErrNoDeadLetter
	}
	if err != nil {
		return DeadLetter{}, err
	}
	d, ok := readDead(m.Payload, m.Seq)
	if !ok {
		return DeadLetter{}, ErrNoDeadLetter
	}
	return d, nil
}

// Drop erases a dead letter as it was read. One that has taken its place since
// stays: a replay may fail again before its dead letter is removed.
func (b *Bus) Drop(ctx context.Context, d DeadLetter) error {
	if err := b.Erase(ctx, DeadStream, d.at); err != nil {
		return fmt.Errorf("drop dead letter: %w", err)
	}
	return nil
}
