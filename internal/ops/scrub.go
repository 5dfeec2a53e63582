package ops

import (
	"context"
	"fmt"

	"github.com/usherhq/usher/internal/bus"
)

// scrub makes NATS remove replaced and acknowledged data from the files of the server, and adds
// the rest to f.Stays.
func (d *Desk) scrub(ctx context.Context, h Holding, o Forgetting, f *Forgotten) error {
	if h.Nothing() {
		return nil
	}
	if err := d.Bus.Renew(ctx, bus.AccountsKV, func(n int) { o.Progress("stored again in "+bus.AccountsKV, n) }); err != nil {
		return err
	}
	if h.former {
		if err := d.Bus.CloseBucket(ctx, bus.EffectsKV); err != nil {
			return err
		}
		f.Stays = append(f.Stays, fmt.Sprintf("%s, on the disk: former records of activity (event keys, vendors' ids), for up to %s", bus.EffectsKV, d.Config.NATS.EffectsTTL))
	}
	empty, err := d.Bus.Vacate(ctx, bus.ReplaysStream)
	if err != nil {
		return err
	}
	if !empty {
		f.Stays = append(f.Stays, bus.ReplaysStream+", on the disk: replays that were done, until those on their way are done too and this is run again")
	}
	if empty, err = d.Bus.Vacate(ctx, bus.DeadStream); err != nil || empty {
		return err
	}
	f.Stays = append(f.Stays, fmt.Sprintf("%s, on the disk: former texts of dead letters that were replayed or failed again, until the server writes their file anew: in minutes, "+
		"or, where more than half of the file are letters that still wait, as these leave, for up to %s", bus.DeadStream, d.Config.NATS.DeadMaxAge))
	return d.Bus.CloseDead(ctx)
}
