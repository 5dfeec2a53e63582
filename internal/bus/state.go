package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ConsumerState is the state of a durable consumer at the server.
type ConsumerState struct {
	Pending     uint64    // stored, and not delivered to anybody yet
	Unfinished  int       // delivered, and not acknowledged
	Redelivered int       // of Unfinished: delivered more than once
	Oldest      time.Time // when the oldest pending or unfinished message was stored; zero if there is none

	Floor     uint64   // all messages up to this sequence are acknowledged
	Delivered uint64   // the highest sequence that was delivered to anybody
	Subjects  []string // filter subjects
}

// ErrNoConsumer is returned for a durable consumer that is not there: nobody has served the
// vendor yet.
var ErrNoConsumer = errors.New("no such consumer")

// State returns the state of a durable consumer, or ErrNoConsumer.
func (b *Bus) State(ctx context.Context, stream, consumer string) (ConsumerState, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	c, err := b.js.Consumer(ctx, stream, consumer)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		return ConsumerState{}, fmt.Errorf("read %s: %w", consumer, ErrNoConsumer)
	case err != nil:
		return ConsumerState{}, fmt.Errorf("read %s: %w", consumer, err)
	}
	i := c.CachedInfo()
	s := ConsumerState{
		Pending: i.NumPending, Unfinished: i.NumAckPending, Redelivered: i.NumRedelivered,
		Floor: i.AckFloor.Stream, Delivered: i.Delivered.Stream, Subjects: filters(i.Config),
	}
	if s.Pending > 0 || s.Unfinished > 0 {
		s.Oldest = b.stored(ctx, stream, s.Floor+1, i.Config)
	}
	return s, nil
}

// stored returns when the first message of a consumer at or behind seq was stored; zero if the
// server does not answer.
func (b *Bus) stored(ctx context.Context, stream string, seq uint64, c jetstream.ConsumerConfig) (first time.Time) {
	s, err := b.stream(ctx, stream)
	if err != nil {
		return first
	}
	for _, subject := range filters(c) {
		m, err := messageAt(ctx, s, seq, subject)
		if err == nil && (first.IsZero() || m.Time.Before(first)) {
			first = m.Time
		}
	}
	return first
}

// tokenOf is the token of a subject at a place, counted from 0.
func tokenOf(subject string, at int) string {
	tokens := strings.Split(subject, ".")
	if at >= len(tokens) {
		return ""
	}
	return tokens[at]
}
