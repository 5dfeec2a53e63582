package streams

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/pause"
)

const (
	// inactiveThreshold is the time after which the server deletes a consumer without a pull.
	inactiveThreshold = 10 * time.Second
	// stallTime is the silence before a reader compares counts with the server.
	stallTime = 3 * time.Second
	// followRetry is the pause of a reader that follows a stream after an error.
	followRetry = time.Second
)

// reader reads a stream in stream order and without a gap: a message counts as read only if
// all earlier messages of the query were read. A lost consumer, a gap in the consumer's
// sequence and a message lost on the way lead to a new consumer from the next sequence on.
type reader struct {
	client   Client
	stream   string
	query    Query  // with Follow, a stream made anew is read from the start; else an error
	name     string // prefix of the names of the consumers
	messages int    // bounds of the prefetch
	bytes    int

	epoch  int64  // of next
	next   uint64 // stream sequence
	puller *puller
	read   uint64    // consumer sequence
	heard  time.Time // of the last message or the last comparison; zero before the first consumer
}

// follow calls yield with each message until yield returns false, or until ctx ends. An error
// of a server that was away does not end the reading.
func (r *reader) follow(ctx context.Context, yield func(Message) bool) error {
	for {
		messages, err := r.take(ctx, r.messages, waitSlice)
		for _, m := range messages {
			if !yield(m) {
				return nil
			}
		}
		switch {
		case err == nil:
		case r.heard.IsZero(), ctx.Err() != nil:
			return err
		default:
			pause.For(ctx, followRetry) // the next take returns the error of ctx
		}
	}
}

// take returns up to limit messages, and waits for the first message. After the wait, take
// returns nothing.
func (r *reader) take(ctx context.Context, limit int, wait time.Duration) ([]Message, error) {
	if r.puller == nil {
		if err := r.open(ctx); err != nil {
			return nil, err
		}
	}
	taken, err := r.puller.take(ctx, limit, wait)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	messages := r.inOrder(taken)
	switch {
	case err != nil || len(messages) < len(taken):
		r.drop()
		pause.For(ctx, reopenPause)
		return messages, ctx.Err()
	case len(messages) == 0 && time.Since(r.heard) >= stallTime:
		r.compare(ctx)
	}
	return messages, nil
}

// inOrder returns the messages up to the first gap.
func (r *reader) inOrder(taken []jetstream.Msg) []Message {
	messages := make([]Message, 0, len(taken))
	for _, m := range taken {
		meta, err := m.Metadata()
		if err != nil || meta.Sequence.Consumer != r.read+1 {
			break
		}
		r.read = meta.Sequence.Consumer
		r.next = meta.Sequence.Stream + 1
		r.heard = time.Now()
		messages = append(messages, Message{
			Position: events.Position{Epoch: r.epoch, Seq: meta.Sequence.Stream},
			Subject:  r.client.Names.plain(m.Subject()), Header: m.Headers(), Data: m.Data(), Stored: meta.Timestamp,
		})
	}
	return messages
}

// compare drops the consumer if the server delivered more than was read, or does not know
// the consumer.
func (r *reader) compare(ctx context.Context) {
	ctx, cancel := r.client.call(ctx)
	defer cancel()
	r.heard = time.Now()
	info, err := r.puller.consumer.Info(ctx)
	if err != nil || info.Delivered.Consumer > r.read {
		r.drop()
	}
}

// drop leaves the consumer to the server's inactive threshold: the server may be away.
func (r *reader) drop() {
	r.puller.close()
	r.puller = nil
}

// open makes a consumer from next on. The stream's creation time is read after that, so that
// a consumer never counts in another epoch than the reader.
func (r *reader) open(ctx context.Context) error {
	for {
		consumer, err := r.create(ctx)
		if err != nil {
			return fmt.Errorf("create consumer: %w", err)
		}
		extent, err := r.client.Extent(ctx, r.stream)
		if err != nil {
			return err
		}
		if extent.Epoch != r.epoch {
			r.remove(ctx, consumer)
			if !r.query.Follow {
				return fmt.Errorf("stream %s was made anew", r.stream)
			}
			r.epoch, r.next = extent.Epoch, 1
			continue
		}
		r.puller = &puller{consumer: consumer, messages: r.messages, bytes: r.bytes}
		r.read, r.heard = 0, time.Now()
		return nil
	}
}

func (r *reader) create(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := r.client.call(ctx)
	defer cancel()
	c := jetstream.ConsumerConfig{
		Name: r.name + rand.Text()[:10], FilterSubjects: r.client.Names.Filters(r.query.Subjects), HeadersOnly: r.query.HeadersOnly,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(1, r.next),
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: inactiveThreshold,
	}
	if r.next <= 1 && !r.query.Since.IsZero() {
		c.DeliverPolicy = jetstream.DeliverByStartTimePolicy
		c.OptStartSeq = 0
		c.OptStartTime = &r.query.Since
	}
	return r.client.JetStream.CreateConsumer(ctx, r.stream, c)
}

func (r *reader) remove(ctx context.Context, consumer jetstream.Consumer) {
	ctx, cancel := r.client.cleanup(ctx)
	defer cancel()
	_ = r.client.JetStream.DeleteConsumer(ctx, r.stream, consumer.CachedInfo().Name)
}

// close deletes the consumer.
func (r *reader) close(ctx context.Context) {
	if r.puller == nil {
		return
	}
	consumer := r.puller.consumer
	r.drop()
	r.remove(ctx, consumer)
}
