package streams

import (
	"context"
	"time"
)

// NextFullCount returns the earliest time of the next full count after a removal.
func (l *DeadLetters) NextFullCount() time.Time { return l.tally.next }

// SetNextFullCount sets that time.
func (l *DeadLetters) SetNextFullCount(at time.Time) { l.tally.next = at }

// Expire ends the validity of a lease that the server still has, as a process sees it that
// was frozen for longer than 0.9 TTL.
func (l *Lease) Expire() { l.end() }

// LookAgain lets the next Fetch look at the consumer.
func (s *Shared) LookAgain() { s.looked = s.looked.Add(-lookEvery) }

// Cleanup returns the context of a call to make even after the end of ctx.
func (c Client) Cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return c.cleanup(ctx)
}
