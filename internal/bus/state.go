package bus

import (
	"context"
	"time"
)

// LaneState is how a lane stands at the server.
type LaneState struct {
	Pending  uint64 // stored, and not delivered to anybody yet
	Waiting  int    // delivered, and neither acknowledged nor given up: at work, or waiting for its time
	Limit    int    // of Waiting: at the limit, nothing new is delivered
	Redone   int    // of Waiting: delivered more than once
	PausedTo time.Time
	Owner    string // of a pinned lane: what the server calls its owner's time; empty where it has none
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
	if i.Paused && i.Config.PauseUntil != nil {
		s.PausedTo = *i.Config.PauseUntil
	}
	for _, g := range i.PriorityGroups {
		s.Owner = g.PinnedClientID
	}
	return s, nil
}
