package streams

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/pause"
)

const (
	// inactiveThreshold is the time after which the server deletes a consumer without a pull.
	inactiveThreshold = 10 * time.Second
	// stallTime is the silence before a reader compares counts with the server.
	stallTime = 3 * time.Second
)

// reader reads a stream in stream order and without a gap: a message counts as read only if
// all earlier messages of the subjects were read. A lost consumer, a gap in the consumer's
// sequence and a message lost on the way lead to a new consumer from the next sequence on.
type reader struct {
	client   Client
	stream   jetstream.Stream
	subjects []string
	name     string // prefix of the names of the consumers
	messages int    // bounds of the prefetch
	bytes    int

	epoch  int64  // of next
	next   uint64 // stream sequence
	follow bool   // a stream made anew is read from the start; else an error
	puller *puller
	read   uint64    // consumer sequence
	heard  time.Time // of the last message or the last comparison
}

// take returns up to limit messages, and waits for the first message. After the wait, take
// returns nothing.
func (r *reader) take(ctx context.Context, limit int, wait time.Duration) ([]jetstream.Msg, error) {
	if r.puller == nil {
		if err := r.open(ctx); err != nil {
			return nil, err
		}
	}
	messages, err := r.puller.take(ctx, limit, wait)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	messages, whole := r.inOrder(messages)
	switch {
	case err != nil || !whole:
		r.drop()
		pause.For(ctx, reopenPause)
		return messages, ctx.Err()
	case len(messages) == 0 && time.Since(r.heard) >= stallTime:
		r.compare(ctx)
	}
	return messages, nil
}

// inOrder returns the messages up to the first gap, and reports whether there is none.
func (r *reader) inOrder(messages []jetstream.Msg) ([]jetstream.Msg, bool) {
	for i, m := range messages {
		meta, err := m.Metadata()
		if err != nil || meta.Sequence.Consumer != r.read+1 {
			return messages[:i], false
		}
		r.read, r.next, r.heard = meta.Sequence.Consumer, meta.Sequence.Stream+1, time.Now()
	}
	return messages, true
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
		info, err := r.client.info(ctx, r.stream)
		if err != nil {
			return fmt.Errorf("read stream: %w", err)
		}
		if created := info.Created.UnixNano(); created != r.epoch {
			r.remove(ctx, consumer)
			if !r.follow {
				return fmt.Errorf("stream %s was made anew", info.Config.Name)
			}
			r.epoch, r.next = created, 1
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
	return r.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		Name: r.name + rand.Text()[:10], FilterSubjects: r.subjects,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(1, r.next),
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: inactiveThreshold,
	})
}

func (r *reader) remove(ctx context.Context, consumer jetstream.Consumer) {
	ctx, cancel := r.client.cleanup(ctx)
	defer cancel()
	_ = r.stream.DeleteConsumer(ctx, consumer.CachedInfo().Name)
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
