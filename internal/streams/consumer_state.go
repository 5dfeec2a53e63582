package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ConsumerState is the state of a durable consumer at the server.
type ConsumerState struct {
	Pending     uint64    // stored, and not delivered yet
	Unfinished  int       // delivered, and not acknowledged
	Redelivered int       // of Unfinished: delivered more than once
	Oldest      time.Time // storage time of the oldest pending or unfinished message; zero without any

	Floor     uint64   // all messages up to this sequence are acknowledged
	Delivered uint64   // the highest delivered sequence
	Subjects  []string // filter subjects
}

// ReadConsumerState returns the state of a durable consumer, or ErrNoConsumer.
func ReadConsumerState(ctx context.Context, c Client, stream, consumer string) (ConsumerState, error) {
	limited, cancel := c.call(ctx)
	defer cancel()
	found, err := c.JetStream.Consumer(limited, stream, consumer)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		return ConsumerState{}, fmt.Errorf("read %s: %w", consumer, ErrNoConsumer)
	case err != nil:
		return ConsumerState{}, fmt.Errorf("read %s: %w", consumer, err)
	}
	i := found.CachedInfo()
	s := ConsumerState{
		Pending: i.NumPending, Unfinished: i.NumAckPending, Redelivered: i.NumRedelivered,
		Floor: i.AckFloor.Stream, Delivered: i.Delivered.Stream, Subjects: FilterSubjects(i.Config),
	}
	if s.Pending > 0 || s.Unfinished > 0 {
		s.Oldest = storedAfter(ctx, c, stream, s)
	}
	return s, nil
}

// storedAfter returns the storage time of the first message of a consumer after the floor; zero
// without an answer of the server.
func storedAfter(ctx context.Context, c Client, stream string, s ConsumerState) (first time.Time) {
	handle, err := c.stream(ctx, stream)
	if err != nil {
		return first
	}
	for _, subject := range s.Subjects {
		limited, cancel := c.call(ctx)
		m, err := handle.GetMsg(limited, s.Floor+1, jetstream.WithGetMsgSubject(subject))
		cancel()
		if err == nil && (first.IsZero() || m.Time.Before(first)) {
			first = m.Time
		}
	}
	return first
}

// FilterSubjects returns the filter subjects of a consumer. The server stores a single subject
// in another field.
func FilterSubjects(c jetstream.ConsumerConfig) []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return c.FilterSubjects
}
