package intake

import (
	"context"
	"time"

	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/pause"
)

// releaseDelay is the time from the end of a hold of deletions until their mailboxes are
// listed: deletions that were held just before are stored by then. Later looks at held
// deletions find those that are missed all the same.
const releaseDelay = time.Second

// release wakes the mailboxes with held deletions whenever a hold of deletions ends.
func (x *ownership) release(ctx context.Context) {
	for ctx.Err() == nil {
		released := x.deps.Released()
		select {
		case <-ctx.Done():
			return
		case <-released:
		}
		pause.For(ctx, releaseDelay)
		x.insist(ctx, "wake held deletions", func() error {
			return x.deps.Held(ctx, func(key string) error { return x.wakeHeld(ctx, key) })
		})
	}
}

// wakeHeld wakes a mailbox as soon as there is room for a further wake. The mailbox has a
// timer as well, so that a wake may get lost.
func (x *ownership) wakeHeld(ctx context.Context, key string) error {
	for x.boxes.WakesInHand(mailbox.Wake) >= x.config.Wakes || !x.deps.MayWake(mailbox.Wake) {
		pause.For(ctx, wakePause)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	x.boxes.Wake(key, func() {})
	return nil
}
