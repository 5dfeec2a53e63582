package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// CounterConfig names a durable consumer that nobody pulls from. Its pending messages are the
// number of messages below its subjects, for autoscalers and monitoring: the server keeps
// count, and nothing is read. A counter is never deleted: a scaler without a consumer falls
// back to the size of the stream.
type CounterConfig struct {
	Stream   string
	Consumer string   // the durable consumer
	Subjects []string // filter subjects
}

// counterExpires is the longest pull that a counter takes. The pulls of a process that takes
// the counter for another consumer, such as of a former version, are refused.
const counterExpires = time.Millisecond

// Settings returns the configuration of the consumer.
func (c CounterConfig) Settings() jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable: c.Consumer, FilterSubjects: c.Subjects,
		AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverAllPolicy, MaxRequestExpires: counterExpires,
	}
}

// EnsureCounter creates a missing counter. An existing consumer is left alone, unless it hands
// out messages to one process, as those of a former version do: then EnsureCounter returns an
// error.
func EnsureCounter(ctx context.Context, c Client, config CounterConfig) error {
	ctx, cancel := c.call(ctx)
	defer cancel()
	have, err := c.JetStream.Consumer(ctx, config.Stream, config.Consumer)
	if err == nil && have.CachedInfo().Config.PriorityPolicy != jetstream.PriorityPolicyNone {
		err = errors.New("it hands out messages to a former version: stop that version, and start this one again")
	}
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		_, err = c.JetStream.CreateConsumer(ctx, config.Stream, config.Settings())
	}
	if err != nil && !errors.Is(err, jetstream.ErrConsumerExists) { // another process was faster
		return fmt.Errorf("consumer %s: %w", config.Consumer, err)
	}
	return nil
}

// Lag is a counter of events. Show resets the counter to the next position to commit, so that
// the pending messages are the lag.
type Lag struct {
	client Client
	config CounterConfig
}

// OpenLag creates a missing counter.
func OpenLag(ctx context.Context, c Client, config CounterConfig) (*Lag, error) {
	return &Lag{client: c, config: config}, EnsureCounter(ctx, c, config)
}

// Show makes the consumer report the events after a position as pending. A missing consumer
// is created again first, since the server never answers the reset of a missing consumer. The
// position must be in the stream's present epoch.
func (l *Lag) Show(ctx context.Context, p events.Position) error {
	err := EnsureCounter(ctx, l.client, l.config)
	if err == nil {
		err = l.reset(ctx, p.Seq+1)
	}
	if err != nil {
		return fmt.Errorf("show the lag: %w", err)
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
