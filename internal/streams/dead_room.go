package streams

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// part returns the sender of a dead letter for the shares of the room: the effects of a vendor, the events
// at fault on a subject, or the deliveries of a web hook. Rights on NATS are by subject, and a producer
// chooses the source of an event freely.
func (d DeadLetter) part() string {
	if d.OfEvent() || d.isDelivery() {
		return d.Vendor + " on " + d.Subject
	}
	return d.Vendor
}

// publish stores the message of a dead letter. The room is taken before, since many are stored side by side.
func (l *DeadLetters) publish(ctx context.Context, d DeadLetter, m *nats.Msg, opts ...jetstream.PublishOpt) error {
	_, err := l.client.Publish(ctx, DeadLettersStream, m, opts...)
	if err != nil {
		l.take(d, -sizeOf(m))
	}
	return err
}

func (l *DeadLetters) take(d DeadLetter, bytes int64) {
	l.shares.Add(d.part(), bytes)
	l.room.taken.Add(bytes)
}

// sizeOf returns about the bytes of a dead letter in the stream: the headers are shorter than their limit.
func sizeOf(m *nats.Msg) int64 { return int64(len(m.Data)) + headerRoom/2 }

// fit takes room for a dead letter, and returns the message as far as the part has room. In the last room of
// the stream, a part above the average leaves the payload in the stream of events, and below the spared room
// it gets an error: failures of one vendor, or faulty events on one subject, hold up no effect of another.
// The endpoint decides about deliveries.
func (l *DeadLetters) fit(d DeadLetter) (*nats.Msg, error) {
	l.fitting.Lock()
	defer l.fitting.Unlock()
	left, limit := l.Room()
	fair := l.shares.Has(d.part(), left, limit)
	size := int64(base64.StdEncoding.EncodedLen(len(d.Payload))) + 2*headerRoom
	switch {
	case d.isDelivery() || fair && (limit == 0 || size < left):
	case !fair && left < limit/spared:
		return nil, fmt.Errorf("the last room of the stream %[1]s is for others than %[2]s, with the most dead letters: raise its limits (nats stream edit %[1]s)", DeadLettersStream, d.part())
	case len(d.Payload) > 0:
		d.Payload, d.Header, d.Omitted = nil, nil, len(d.Payload)
	}
	m, err := l.message(d)
	if err == nil {
		l.take(d, sizeOf(m))
	}
	return m, err
}
