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
	limited, cancel := e.client.call(ctx)
	defer cancel()
	name := e.client.Names.WithDefaults().ConsumerPrefix + "list-" + rand.Text()
	consumer, err := e.client.JetStream.CreateConsumer(limited, e.name, jetstream.ConsumerConfig{
		Name: name, FilterSubjects: e.client.Names.Filters(types), DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(1, seq),
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Second,
	})
	if err != nil {
		return 0, fmt.Errorf("count events of %s: %w", e.name, err)
	}
	return consumer.CachedInfo().NumPending, nil
}
