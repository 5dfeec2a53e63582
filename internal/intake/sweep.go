package intake

import (
	"context"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/pause"
)

// sweep sets all timers anew after unfinished events left the stream, and whenever the stream
// of timers lost the sentinel.
func (x *ownership) sweep(ctx context.Context) {
	x.insist(ctx, "look for removed events", func() error {
		first, err := x.deps.First(ctx)
		from := x.atStart
		if from == (events.Position{}) {
			from.Epoch = first.Epoch
		}
		if err != nil || (first.Epoch == from.Epoch && first.Seq <= from.Seq+1) {
			return err
		}
		if x.atStart != (events.Position{}) { // else the vendor is new
			x.deps.Removed(first.Seq - 1 - min(from.Seq, first.Seq-1))
		}
		x.deps.Log.Warn().Str("vendor", x.config.Vendor).Uint64("from", from.Seq+1).Uint64("to", first.Seq-1).
			Msg("messages left the stream of events since this vendor was served last: events among them that no mailbox has are lost")
		if err := armAll(ctx, x); err != nil {
			return err
		}
		x.tracker.skip(events.Position{Epoch: first.Epoch, Seq: first.Seq - 1}) // the next owner need not sweep again
		return nil
	})
	for ctx.Err() == nil {
		x.insist(ctx, "look after the timers", func() error { return sweepOnce(ctx, x) })
		pause.For(ctx, time.Second)
	}
}

// sweepOnce sets all timers anew unless a sweep was made for the sentinel and the present grace of
// disabled accounts: with a shorter grace, the timers are late.
func sweepOnce(ctx context.Context, x *ownership) error {
	nonce, err := x.deps.Sentinel(ctx)
	if err != nil {
		return err
	}
	if x.config.DeleteAfter > 0 {
		nonce += " " + x.config.DeleteAfter.String()
	}
	swept, err := x.deps.State.Swept(ctx)
	if err != nil || swept == nonce {
		return err
	}
	if err := armAll(ctx, x); err != nil {
		return err
	}
	return x.deps.State.SetSwept(ctx, nonce)
}

// armAll sets a timer for every mailbox with something to do.
func armAll(ctx context.Context, x *ownership) error {
	x.boxes.ForgetTimers()
	return x.deps.Unfinished(ctx, func(key string) error {
		return x.timers.Arm(ctx, key, x.Now().Add(250*time.Millisecond))
	})
}

// releaseDelay is the time from the end of a hold of deletions until the mailboxes are
// listed: the last held deletions are stored by then. Later looks at held deletions find any
// missed deletion all the same.
const releaseDelay = time.Second

// releaseDeletions wakes the mailboxes with held deletions whenever a hold of deletions ends.
func releaseDeletions(ctx context.Context, x *ownership) {
	for ctx.Err() == nil {
		released := x.deps.Released()
		select {
		case <-ctx.Done():
			return
		case <-released:
		}
		pause.For(ctx, releaseDelay)
		x.insist(ctx, "wake held deletions", func() error {
			return x.deps.Held(ctx, func(key string) error { return wakeHeld(ctx, x, key) })
		})
	}
}

// releaseUsers wakes the mailboxes of single users whose deletions are approved.
func releaseUsers(ctx context.Context, x *ownership) {
	for {
		digests, next := x.deps.Approved()
		for _, digest := range digests {
			if wakeHeld(ctx, x, x.config.Vendor+"."+digest) != nil {
				return // ctx has ended
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-next:
		}
	}
}

// wakeHeld wakes a mailbox as soon as there is room for a further wake. The mailbox has a
// timer as well, so a wake may get lost.
func wakeHeld(ctx context.Context, x *ownership, key string) error {
	for x.boxes.WakesInHand(mailbox.Wake) >= x.config.Wakes || !x.deps.MayWake(mailbox.Wake) {
		pause.For(ctx, wakePause)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	x.boxes.Wake(key, func() {})
	return nil
}
