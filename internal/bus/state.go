package bus

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// LaneState is how a lane stands at the server.
type LaneState struct {
	Pending  uint64    // stored, and not delivered to anybody yet
	Waiting  int       // delivered, and neither acknowledged nor given up: at work, or waiting for its time
	Limit    int       // of Waiting: at the limit, nothing new is delivered
	Redone   int       // of Waiting: delivered more than once
	Oldest   time.Time // when the oldest of Waiting was stored; zero where there is none
	PausedTo time.Time
	Asked    bool   // whether a process takes from it at this moment
	Owner    string // of a pinned lane: what the server calls its owner's time; empty where it has none

	Floor     uint64   // all messages up to here are done with
	Delivered uint64   // none behind here was delivered to anybody
	Subjects  []string // that it carries
}

// State asks the server how a lane stands.
func (b *Bus) State(ctx context.Context, stream, consumer string) (LaneState, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	c, err := b.js.Consumer(ctx, stream, consumer)
	if err != nil {
		return LaneState{}, noConsumer("read", consumer, err)
	}
	i := c.CachedInfo()
	s := LaneState{Pending: i.NumPending, Waiting: i.NumAckPending, Limit: i.Config.MaxAckPending, Redone: i.NumRedelivered}
	s.Floor, s.Delivered, s.Subjects = i.AckFloor.Stream, i.Delivered.Stream, filters(i.Config)
	if i.Paused && i.Config.PauseUntil != nil {
		s.PausedTo = *i.Config.PauseUntil
	}
	if s.Waiting > 0 {
		s.Oldest = b.stored(ctx, stream, i.AckFloor.Stream+1, i.Config)
	}
	for _, g := range i.PriorityGroups {
		s.Owner = g.PinnedClientID
	}
	s.Asked = i.NumWaiting > 0 || s.Owner != ""
	return s, nil
}

// stored is when the first message of a consumer at or behind seq was stored;
// zero where the server does not say.
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
