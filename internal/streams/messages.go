package streams

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// quietTime is the silence before a listing asks whether the last message is still there.
const quietTime = 100 * time.Millisecond

// Messages returns the messages of a stream whose subjects fit a filter, in the order of the
// stream, up to the last message at the start. The listing ends after the first error.
func (c Client) Messages(ctx context.Context, stream, filter string) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		if err := c.list(ctx, stream, filter, func(m Message) bool { return yield(m, nil) }); err != nil {
			yield(Message{}, fmt.Errorf("list %s: %w", stream, err))
		}
	}
}

// list reads up to the last message of the filter, as the leader of the stream reports at the
// start. The consumer may live on a lagging follower, so the consumer's count proves nothing.
func (c Client) list(ctx context.Context, name, filter string, yield func(Message) bool) error {
	stream, err := c.stream(ctx, name)
	if err != nil {
		return err
	}
	end, err := c.end(ctx, name, filter)
	reader := reader{
		client: c, stream: stream, subjects: []string{filter}, name: c.Names.withDefaults().ConsumerPrefix + "list-",
		messages: defaultPrefetch, bytes: defaultPrefetchBytes, epoch: stream.CachedInfo().Created.UnixNano(), next: 1,
	}
	defer reader.close(ctx)
	for err == nil && reader.next <= end {
		var messages []jetstream.Msg
		if messages, err = reader.take(ctx, defaultPrefetch, quietTime); err != nil {
			return err
		}
		for _, m := range messages {
			one, err := toMessage(m, reader.epoch)
			if err != nil || !yield(one) {
				return err
			}
		}
		if len(messages) == 0 { // the last message may have been purged meanwhile
			end, err = c.end(ctx, name, filter)
		}
	}
	return err
}

// end returns the sequence of the last message of a filter, or 0 without any.
func (c Client) end(ctx context.Context, stream, filter string) (uint64, error) {
	m, err := c.fromLeader(ctx, stream, map[string]any{"last_by_subj": filter})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return m.Sequence, nil
}

// toMessage returns a message of a stream of an epoch.
func toMessage(m jetstream.Msg, epoch int64) (Message, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Message{}, err
	}
	return Message{
		Position: events.Position{Epoch: epoch, Seq: meta.Sequence.Stream},
		Subject:  m.Subject(), Header: m.Headers(), Data: m.Data(), Stored: meta.Timestamp,
	}, nil
}
