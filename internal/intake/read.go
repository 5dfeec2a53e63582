package intake

import (
	"context"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/pause"
)

// readBatch is how many events are read at a time.
const readBatch = 512

// read gives the events of the vendor to the mailboxes, in the order of the stream.
func (x *ownership) read(ctx context.Context) {
	from := x.atStart
	x.insist(ctx, "read events", func() error {
		reader, err := x.deps.Read(ctx, x.token, from)
		if err != nil {
			return err
		}
		defer reader.Close(context.WithoutCancel(ctx))
		for {
			list, err := reader.Next(ctx, readBatch)
			for _, m := range list {
				if err := x.tracker.add(ctx, m.Position, len(m.Payload)); err != nil {
					return err
				}
				from = m.Position
				x.boxes.Deliver(m, func() { x.tracker.settle(m.Position) })
			}
			if err != nil {
				return err
			}
		}
	})
}

// wake gives the timers of a class that fired to the mailboxes, as long as wakes of the class
// may call the vendor. Each class has a consumer of its own: many wakes of activity would
// stand before all others otherwise.
func (x *ownership) wake(ctx context.Context, c mailbox.Class) {
	x.insist(ctx, "read wakes", func() error {
		wakes, err := x.deps.Wakes(ctx, x.token, c)
		if err != nil {
			return err
		}
		defer wakes.Close(context.WithoutCancel(ctx))
		for ctx.Err() == nil {
			room := x.config.Wakes - x.boxes.WakesInHand(c)
			if room <= 0 || !x.deps.MayWake(c) {
				pause.For(ctx, wakePause)
				continue
			}
			list, err := wakes.Next(ctx, room)
			for _, w := range list {
				x.boxes.Wake(w.User, w.Ack)
			}
			if err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// wakePause is the time between two looks for room for wakes.
const wakePause = 5 * time.Millisecond

// replayBytes is the bound on the bytes of the replays in hand.
const replayBytes = 8 << 20

// readReplays gives the stored replays to the mailboxes, also from former ownerships. A replay
// is in hand until the effect has ended, or is registered with a timer. No more
// replays are in hand than wakes: replays share the slots with the wakes, and thousands
// of replays must not keep a wake waiting.
func (x *ownership) readReplays(ctx context.Context) {
	inHand := newTracker(events.Position{}, bounds{mostOpen: x.config.Wakes, mostBytes: replayBytes})
	var from events.Position
	x.insist(ctx, "read replays", func() error {
		replays, err := x.deps.Replays(ctx, x.token, from)
		if err != nil {
			return err
		}
		defer replays.Close(context.WithoutCancel(ctx))
		for {
			list, err := replays.Next(ctx, x.config.Wakes)
			for _, r := range list {
				if err := inHand.add(ctx, r.Position, len(r.Message.Payload)); err != nil {
					return err
				}
				from = r.Position
				x.boxes.DeliverReplay(r.Message, r.Position.Seq, func() { inHand.settle(r.Position) })
			}
			if err != nil {
				return err
			}
		}
	})
}
