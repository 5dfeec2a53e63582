package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// ErrTooLarge is returned for an event that NATS would never take.
var ErrTooLarge = errors.New("larger than NATS takes (max_payload)")

// maxUnanswered is how many publications may wait for their acknowledgement at a time.
const maxUnanswered = 8192

// MaxMessage is the most bytes that a message may have, headers included; zero
// where the server has not said so yet.
func (b *Bus) MaxMessage() int64 { return b.nc.MaxPayload() }

// Store publishes events on the subjects of their types without waiting for one
// after the other, and returns once the server has stored all. After an error
// some may be stored; to store all of them again does no harm.
func (b *Bus) Store(ctx context.Context, list []events.Event) error {
	messages := make([]*nats.Msg, 0, len(list))
	for _, e := range list {
		header, payload, err := events.ToNATS(e)
		if err != nil {
			return fmt.Errorf("write event: %w", err)
		}
		m := &nats.Msg{Subject: e.Type(), Header: header, Data: payload}
		if limit := b.MaxMessage(); limit > 0 && int64(m.Size()) > limit {
			return fmt.Errorf("event %d of %d is %w", len(messages)+1, len(list), ErrTooLarge)
		}
		messages = append(messages, m)
	}
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	acks := make([]jetstream.PubAckFuture, 0, len(messages))
	patient := jetstream.WithStallWait(CallTimeout)
	for _, m := range messages {
		ack, err := b.async.PublishMsgAsync(m, patient)
		if err != nil {
			return b.unstored(m.Subject, err)
		}
		acks = append(acks, ack)
	}
	for _, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			return b.unstored(ack.Msg().Subject, err)
		case <-ctx.Done():
			return b.unstored(ack.Msg().Subject, ctx.Err())
		}
	}
	return nil
}
