package mailbox

import (
	"context"
	"time"
)

// Phases are contexts that end one after the other: first no call begins any more, then calls
// are cut, and at last nothing is written any more.
type Phases struct{ stop, call, write context.Context }

// NewPhases returns the phases of work that begins until ctx ends. From then on the work has
// grace to come to its end: after three quarters of it calls of the vendor are cut, so that
// the outcomes can be stored. The caller calls end once all work has ended.
func NewPhases(ctx context.Context, grace time.Duration) (p Phases, end func()) {
	write, endWrites := context.WithCancel(context.WithoutCancel(ctx))
	call, endCalls := context.WithCancel(write)
	unwatch := context.AfterFunc(ctx, func() {
		time.AfterFunc(grace*3/4, endCalls)
		time.AfterFunc(grace, endWrites)
	})
	return Phases{stop: ctx, call: call, write: write}, func() {
		unwatch()
		endCalls()
		endWrites()
	}
}
