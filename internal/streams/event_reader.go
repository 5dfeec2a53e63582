package streams

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/usherhq/usher/events"
)

const (
	defaultPrefetch      = 500
	defaultPrefetchBytes = 2 << 20
	// waitSlice is the longest wait of Next before a look at the consumer.
	waitSlice = time.Second
)

// ReaderConfig is the configuration of an EventReader.
type ReaderConfig struct {
	Vendor   string          // a token of a subject; part of the consumer's name
	Token    uint64          // the fencing token of the ownership; part of the consumer's name
	Subjects []string        // filter subjects
	After    events.Position // the committed position; in another epoch: the start of the stream

	Prefetch      int // most messages read ahead; zero: 500
	PrefetchBytes int // most bytes read ahead, except for a single larger message; zero: 2 MiB
}

// EventReader reads events in stream order through a consumer of its own, without acks. Next
// returns no event before all earlier events of the subjects, so that a process with an event
// registered has all earlier events registered. A reader is for a single goroutine.
type EventReader struct {
	reader reader
}

// Read returns a reader of the events after a position. The first Next makes the consumer.
func (e *Events) Read(c ReaderConfig) (*EventReader, error) {
	if err := checkToken("vendor", c.Vendor); err != nil {
		return nil, err
	}
	return &EventReader{reader{
		client: e.client, stream: e.name, query: Query{Subjects: c.Subjects, Follow: true},
		name:     fmt.Sprintf("%sintake-%s-%d-", e.client.Names.WithDefaults().ConsumerPrefix, c.Vendor, c.Token),
		messages: cmp.Or(c.Prefetch, defaultPrefetch), bytes: cmp.Or(c.PrefetchBytes, defaultPrefetchBytes),
		epoch: c.After.Epoch, next: c.After.Seq + 1,
	}}, nil
}

// Next returns up to limit events, and waits for the first event until ctx ends. Next makes a
// new consumer after the last returned event in three cases: a gap in the consumer's
// sequence, a lost consumer, and 3 s of silence with more delivered by the server than
// arrived. A stream made anew is read from the start, in the new epoch. An error says that
// the server does not answer: call Next again after a pause.
func (r *EventReader) Next(ctx context.Context, limit int) ([]Message, error) {
	for {
		messages, err := r.reader.take(ctx, limit, waitSlice)
		if err != nil && len(messages) == 0 {
			return nil, fmt.Errorf("read events: %w", err)
		}
		if len(messages) > 0 {
			return messages, nil
		}
	}
}

// Close deletes the consumer. Without Close the server deletes the consumer after 10 s.
func (r *EventReader) Close(ctx context.Context) { r.reader.close(ctx) }
