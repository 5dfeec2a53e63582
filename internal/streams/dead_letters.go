package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// DeadLetterSubject begins the subjects of dead letters.
const DeadLetterSubject = "usher.dead"

// headerClass has the class of a dead letter, so that DeadLetters.Counts needs the headers only.
const headerClass = "Usher-Class"

// headerRemoved is the header of a marker in place of a removed dead letter.
const headerRemoved = "Usher-Removed"

// headerRoom is an upper bound for the headers of a dead letter.
const headerRoom = 1 << 10

// Errors of dead letters without a payload.
var (
	errNoPayload = errors.New("its payload was too large to be kept, and is no longer in the stream of events")
)

// DeadLetters is the stream of dead letters, one message for each effect, and for each event that is
// itself at fault. The methods may be
// called concurrently.
type DeadLetters struct {
	client Client
	events *Events // with the payloads too large for a dead letter
	tally  deadTally
	once   storedOnce
	room   room
	shares Reserve // by part

	fitting sync.Mutex // of fit
}

// NewDeadLetters returns the stream of dead letters. The stream may be created later.
func NewDeadLetters(c Client, events *Events) *DeadLetters {
	return &DeadLetters{client: c, events: events}
}

// Add stores a dead letter, and returns after the server's acknowledgement. An earlier dead
// letter of the same effect is replaced. ErrDigestKept reports a stored delivery without its payload.
// In a nearly full stream, a part with more dead letters than the others gets an error.
func (l *DeadLetters) Add(ctx context.Context, d DeadLetter) error {
	m, err := l.fit(d)
	if err != nil {
		return err
	}
	if err := l.publish(ctx, d, m); err != nil {
		return err
	}
	if d.isDelivery() && len(m.Data) < len(d.Payload) {
		return ErrDigestKept
	}
	return nil
}

// message returns the stored form of a dead letter: without the payload if the message would
// be too large, and also without the headers if necessary.
func (l *DeadLetters) message(d DeadLetter) (*nats.Msg, error) {
	limit := l.client.maxMessage() - headerRoom
	m, err := d.message()
	if err != nil || int64(len(m.Data)) <= limit {
		return m, err
	}
	if d.isDelivery() {
		return d.digest().message()
	}
	d.Payload, d.Omitted = nil, max(1, len(d.Payload))
	if m, err = d.message(); err != nil || int64(len(m.Data)) <= limit {
		return m, err
	}
	d.Header = nil
	return d.message()
}

// List returns the dead letters in the order of storage. A replay stores the dead letter anew.
func (l *DeadLetters) List(ctx context.Context) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		for m, err := range l.client.Messages(ctx, DeadLettersStream, Query{}) {
			d, ok := decodeDeadLetter(m.Data, m.Position.Seq)
			if err == nil && ok && d.Omitted > 0 && !d.isDelivery() {
				err = l.restore(ctx, &d)
			}
			if (ok || err != nil) && !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// restore reads the omitted payload and headers from the stream of events. An event that is
// gone leaves the dead letter without the payload.
func (l *DeadLetters) restore(ctx context.Context, d *DeadLetter) error {
	m, err := l.events.Get(ctx, d.position())
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	d.Payload, d.Omitted = m.Data, 0
	if len(d.Header) == 0 {
		d.Header = eventHeaders(m.Header)
	}
	return nil
}

// Get returns the dead letter of an effect, or ErrNoDeadLetter with the sequence of a marker. Omitted
// parts are not read.
func (l *DeadLetters) Get(ctx context.Context, vendor, kind, key string) (DeadLetter, error) {
	stream, err := l.client.stream(ctx, DeadLettersStream)
	if err != nil {
		return DeadLetter{}, err
	}
	m, err := l.client.last(ctx, stream, l.client.Names.Subject(deadLetterSubject(vendor, kind, key)))
	if err != nil {
		return DeadLetter{}, fmt.Errorf("read dead letter: %w", err)
	}
	if m == nil {
		return DeadLetter{}, ErrNoDeadLetter
	}
	d, ok := decodeDeadLetter(m.Data, m.Sequence)
	if !ok {
		return DeadLetter{sequence: m.Sequence}, ErrNoDeadLetter
	}
	return d, nil
}

// Remove erases a dead letter as the letter was read. A newer dead letter of the same effect
// stays: a replay may fail again before the removal.
func (l *DeadLetters) Remove(ctx context.Context, d DeadLetter) error {
	err := l.client.Erase(ctx, DeadLettersStream, d.sequence)
	if err == nil {
		err = l.leaveMarker(ctx, d)
	}
	if err != nil {
		return fmt.Errorf("remove dead letter: %w", err)
	}
	return nil
}

// leaveMarker stores a message without content in place of an erased dead letter. nats-server notes the
// removal of a replaced message in memory only: after a kill the server would show the version before
// the last again. Such a version is older than the marker, and so the limit of one message for each
// subject removes the version once more. The marker leaves with the age of the stream.
func (l *DeadLetters) leaveMarker(ctx context.Context, d DeadLetter) error {
	m := &nats.Msg{Subject: deadLetterSubject(d.Vendor, d.Type, d.Key), Header: nats.Header{headerRemoved: {"true"}}}
	_, err := l.client.Publish(ctx, DeadLettersStream, m, jetstream.WithExpectLastSequencePerSubject(0))
	if errors.Is(err, ErrStaleRevision) { // a newer dead letter, or a marker already
		return nil
	}
	return err
}

// RemoveEnded removes the dead letter of an effect that ended well as the replay with this
// number, or as the event itself (0). A dead letter of the same attempt, stored before its end
// was known, is removed too; a dead letter of a later replay stays.
func (l *DeadLetters) RemoveEnded(ctx context.Context, vendor, kind, key string, replay int) error {
	for { // once more, since Replay may mark the dead letter between the read and the removal
		d, err := l.Get(ctx, vendor, kind, key)
		switch {
		case errors.Is(err, ErrNoDeadLetter):
			return nil
		case err != nil:
			return err
		case d.Replay > replay:
			return nil
		}
		if err := l.Remove(ctx, d); err != nil {
			return err
		}
	}
}

// Reopen makes a dead letter ready for a further replay: the replay with this number has ended without
// the change that is still owed.
func (l *DeadLetters) Reopen(ctx context.Context, vendor, kind, key string, replay int) error {
	for {
		d, err := l.Get(ctx, vendor, kind, key)
		switch {
		case errors.Is(err, ErrNoDeadLetter):
			return nil
		case err != nil:
			return err
		case d.Replay >= replay:
			return nil
		}
		d.Replay, d.Replaying, d.ReplayedAt = replay, 0, time.Time{}
		m, err := l.message(d)
		if err == nil {
			_, err = l.client.Publish(ctx, DeadLettersStream, m, jetstream.WithExpectLastSequencePerSubject(d.sequence))
		}
		if !errors.Is(err, ErrStaleRevision) {
			return err
		}
	}
}

// Replay sends a dead letter back to its vendor, and marks the dead letter as replaying until
// RemoveEnded or the next Add. ErrStaleRevision reports a dead letter that changed since the caller
// read the letter; nothing is sent then. A repeated replay does no harm: the record of the user
// knows the number.
func (l *DeadLetters) Replay(ctx context.Context, d DeadLetter) error {
	if err := l.unchanged(ctx, d); err != nil {
		return err
	}
	if _, err := l.client.Publish(ctx, ReplaysStream, d.replay()); err != nil {
		return err
	}
	return l.mark(ctx, d)
}

// mark stores the number and the time of the sent replay in the dead letter. A dead letter that
// changed meanwhile has the outcome of the replay, and stays.
func (l *DeadLetters) mark(ctx context.Context, d DeadLetter) error {
	d.Replaying, d.ReplayedAt = d.Replay+1, time.Now().UTC()
	m, err := l.message(d)
	if err == nil {
		_, err = l.client.Publish(ctx, DeadLettersStream, m, jetstream.WithExpectLastSequencePerSubject(d.sequence))
	}
	if err != nil && !errors.Is(err, ErrStaleRevision) {
		return fmt.Errorf("sent back, but not marked: %w", err)
	}
	return nil
}

// decodeDeadLetter decodes a message of the stream, and reports whether the message is a dead letter.
func decodeDeadLetter(data []byte, seq uint64) (d DeadLetter, ok bool) {
	if err := json.Unmarshal(data, &d); err != nil {
		return d, false
	}
	d.sequence = seq
	return d, true
}
