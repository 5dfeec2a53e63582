package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// idleReading is how long the server keeps the consumer of a reading that has
// ended: whoever looks at the consumers would take it for a backlog.
const idleReading = 10 * time.Second

// reading is how a stream is read from front to end.
type reading struct {
	stream   string
	consumer jetstream.OrderedConsumerConfig
	follow   bool // wait for further messages at the end
}

// scan calls yield with each message, oldest first, until it returns false,
// until the end of the stream where the reading does not follow it, or until ctx
// ends, whose error it then returns.
func (b *Bus) scan(ctx context.Context, r reading, yield func(jetstream.Msg) bool) error {
	r.consumer.InactiveThreshold = idleReading
	consumer, err := b.js.OrderedConsumer(ctx, r.stream, r.consumer)
	if err != nil {
		return fmt.Errorf("stream %s: %w", r.stream, err)
	}
	info, err := consumer.Info(ctx)
	if err != nil {
		return fmt.Errorf("read %s: %w", r.stream, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("read %s: %w", r.stream, err)
	}
	defer messages.Stop()
	for left := info.NumPending; r.follow || left > 0; {
		var m jetstream.Msg
		if m, left, err = r.next(ctx, messages); err != nil {
			return fmt.Errorf("read %s: %w", r.stream, err)
		}
		if !yield(m) {
			return nil
		}
	}
	return nil
}

// next returns the next message, and how many there are behind it.
func (r reading) next(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, uint64, error) {
	if !r.follow { // a message that is known to be there does not keep us waiting
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, CallTimeout)
		defer cancel()
	}
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if r.follow && errors.Is(err, jetstream.ErrNoHeartbeat) {
			continue // the connection is being made again
		}
		if err != nil {
			return nil, 0, err
		}
		meta, err := m.Metadata()
		if err != nil {
			return nil, 0, err
		}
		return m, meta.NumPending, nil
	}
}
