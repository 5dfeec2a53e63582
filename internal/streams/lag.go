package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// LagConfig names the lag consumer of a vendor.
type LagConfig struct {
	Stream   string   // of events
	Consumer string   // the durable consumer
	Subjects []string // filter subjects
}

// Lag is a durable consumer without any pulls. Show resets the consumer to the next position
// to commit, so that the pending messages are the lag, for autoscalers and monitoring. The
// consumer is never deleted: a scaler without a consumer falls back to the size of the stream.
type Lag struct {
	client Client
	config LagConfig
}

// OpenLag creates a missing consumer. An existing consumer is left alone.
func OpenLag(ctx context.Context, c Client, config LagConfig) (*Lag, error) {
	l := &Lag{client: c, config: config}
	if err := l.ensure(ctx); err != nil {
		return nil, fmt.Errorf("consumer %s: %w", config.Consumer, err)
	}
	return l, nil
}

// Show makes the consumer report the events after a position as pending. A missing consumer
// is created again first, since the server never answers the reset of a missing consumer. The
// position must be in the stream's present epoch.
func (l *Lag) Show(ctx context.Context, p events.Position) error {
	err := l.ensure(ctx)
	if err == nil {
		err = l.reset(ctx, p.Seq+1)
	}
	if err != nil {
		return fmt.Errorf("show lag on consumer %s: %w", l.config.Consumer, err)
	}
	return nil
}

// Pending returns the number of events after the position that was shown last.
func (l *Lag) Pending(ctx context.Context) (uint64, error) {
	ctx, cancel := l.client.call(ctx)
	defer cancel()
	consumer, err := l.client.JetStream.Consumer(ctx, l.config.Stream, l.config.Consumer)
	if err != nil {
		return 0, fmt.Errorf("consumer %s: %w", l.config.Consumer, err)
	}
	return consumer.CachedInfo().NumPending, nil
}

func (l *Lag) reset(ctx context.Context, seq uint64) error {
	ctx, cancel := l.client.call(ctx)
	defer cancel()
	_, err := l.client.JetStream.ResetConsumerToSequence(ctx, l.config.Stream, l.config.Consumer, seq)
	return err
}

func (l *Lag) ensure(ctx context.Context) error {
	ctx, cancel := l.client.call(ctx)
	defer cancel()
	_, err := l.client.JetStream.Consumer(ctx, l.config.Stream, l.config.Consumer)
	if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return err
	}
	_, err = l.client.JetStream.CreateConsumer(ctx, l.config.Stream, jetstream.ConsumerConfig{
		Durable: l.config.Consumer, FilterSubjects: l.config.Subjects,
		AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if errors.Is(err, jetstream.ErrConsumerExists) { // another process was faster
		return nil
	}
	return err
}
