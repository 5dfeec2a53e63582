package streams

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Between returns the number of events of these types with a sequence above after and below before.
// Consumers count, so the server delivers nothing.
func (e *Events) Between(ctx context.Context, types []string, after, before uint64) (uint64, error) {
	if before <= after+1 || len(types) == 0 {
		return 0, nil
	}
	all, err := e.from(ctx, types, after+1)
	if err != nil {
		return 0, err
	}
	rest, err := e.from(ctx, types, before)
	return all - min(all, rest), err
}

// from returns the number of events of these types at or behind a sequence.
func (e *Events) from(ctx context.Context, types []string, seq uint64) (uint64, error) {
	return e.client.count(ctx, e.name, types, seq)
}

// CountRecords returns the number of keys of a bucket that fit a pattern, such as lead.*.
func (c Client) CountRecords(ctx context.Context, bucket, pattern string) (uint64, error) {
	bucket = c.Names.Bucket(bucket)
	return c.count(ctx, "KV_"+bucket, []string{"$KV." + bucket + "." + pattern}, 1)
}

// count returns the number of messages with these subjects at or behind a sequence of a stream.
func (c Client) count(ctx context.Context, stream string, subjects []string, seq uint64) (uint64, error) {
	limited, cancel := c.call(ctx)
	defer cancel()
	name := c.Names.WithDefaults().ConsumerPrefix + "list-" + rand.Text()
	consumer, err := c.JetStream.CreateConsumer(limited, stream, jetstream.ConsumerConfig{
		Name: name, FilterSubjects: c.Names.Filters(subjects), DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(1, seq),
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Second,
	})
	if err != nil {
		return 0, fmt.Errorf("count messages of %s: %w", stream, err)
	}
	return consumer.CachedInfo().NumPending, nil
}
