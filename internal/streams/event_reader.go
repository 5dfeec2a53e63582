package streams

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	defaultPrefetch      = 500
	defaultPrefetchBytes = 8 << 20
	// waitSlice is the longest that Next waits before it looks after the consumer.
	waitSlice = time.Second
)

// ReaderConfig says what an EventReader reads.
type ReaderConfig struct {
	Vendor   string   // a token of a subject; part of the consumer's name
	Token    uint64   // the fencing token of the ownership; part of the consumer's name
	Subjects []string // filter subjects
	After    Position // the committed position; one of another epoch is the start of the stream

	Prefetch      int // most messages read ahead; zero: 500
	PrefetchBytes int // most bytes read ahead, one message aside; zero: 8 MiB
}

// EventReader reads events in stream order through a consumer of its own, without acks. Next
// returns no event before all earlier ones of its subjects were returned, so that a process
// that registered an event has registered all earlier ones. One goroutine uses a reader.
type EventReader struct {
	reader reader
}

// Read returns a reader of the events after a position. The first Next makes its consumer.
func (e *Events) Read(c ReaderConfig) (*EventReader, error) {
	if err := checkToken("vendor", c.Vendor); err != nil {
		return nil, err
	}
	return &EventReader{reader{
		client: e.client, stream: e.stream, subjects: c.Subjects,
		name:     fmt.Sprintf("%sintake-%s-%d-", e.client.Names.withDefaults().ConsumerPrefix, c.Vendor, c.Token),
		messages: cmp.Or(c.Prefetch, defaultPrefetch), bytes: cmp.Or(c.PrefetchBytes, defaultPrefetchBytes),
		epoch: c.After.Epoch, next: c.After.Seq + 1, follow: true,
	}}, nil
}

// Next returns up to limit events, and waits for the first one until ctx ends. A gap in the
// consumer's sequence, a lost consumer, and 3 s in which the server delivered more than
// arrived make Next continue through a new consumer after the last event returned. A stream
// that was made anew is read from its start, in its new epoch. After an error, which means
// that the server does not answer, call Next again after a pause.
func (r *EventReader) Next(ctx context.Context, limit int) ([]Message, error) {
	for {
		messages, err := r.reader.take(ctx, limit, waitSlice)
		if err != nil && len(messages) == 0 {
			return nil, fmt.Errorf("read events: %w", err)
		}
		if len(messages) > 0 {
			return r.convert(messages)
		}
	}
}

func (r *EventReader) convert(messages []jetstream.Msg) ([]Message, error) {
	list := make([]Message, 0, len(messages))
	for _, m := range messages {
		meta, err := m.Metadata()
		if err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		list = append(list, Message{
			Position: Position{Epoch: r.reader.epoch, Seq: meta.Sequence.Stream},
			Subject:  m.Subject(), Header: m.Headers(), Data: m.Data(), Stored: meta.Timestamp,
		})
	}
	return list, nil
}

// Close deletes the consumer. Without Close the server deletes it after 10 s.
func (r *EventReader) Close(ctx context.Context) { r.reader.close(ctx) }
