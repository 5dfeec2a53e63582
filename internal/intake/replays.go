package intake

import (
	"context"

	"github.com/usherhq/usher/events"
)

// replayBytes is the bound on the bytes of the replays in hand.
const replayBytes = 16 << 20

// readReplays gives the stored replays to the mailboxes, those of former ownerships too. A
// replay is in hand until its effect has ended, or is registered with a timer. No more
// replays are in hand than wakes: replays share the slots with the wakes, and thousands of
// them must not keep a wake waiting.
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
