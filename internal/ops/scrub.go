package ops

import (
	"context"
	"fmt"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// scrub makes NATS remove replaced and acknowledged data from the files of the server, and adds
// the rest to f.Stays.
func (s *Service) scrub(ctx context.Context, u UserData, o ForgetOptions, f *Forgotten) error {
	if u.Empty() {
		return nil
	}
	compactor := admin.NewCompactor(s.Streams.Client)
	if err := compactor.RewriteBucket(ctx, streams.AccountsBucket, func(n int) { o.Progress("stored again in "+streams.AccountsBucket, n) }); err != nil {
		return err
	}
	if u.former {
		if err := compactor.CompactBucket(ctx, streams.EffectsBucket); err != nil {
			return err
		}
		f.Stays = append(f.Stays, fmt.Sprintf("%s, on the disk: former records of activity (event keys, vendors' ids), for up to %s", streams.EffectsBucket, s.Config.Activity.Memory))
	}
	empty, err := compactor.CompactEmpty(ctx, streams.ReplaysStream)
	if err != nil {
		return err
	}
	if !empty {
		f.Stays = append(f.Stays, streams.ReplaysStream+", on the disk: replays that were done, until those on their way are done too and this is run again")
	}
	if empty, err = compactor.CompactNoDeadLetters(ctx); err != nil || empty {
		return err
	}
	f.Stays = append(f.Stays, fmt.Sprintf("%s, on the disk: former texts of dead letters that were replayed or failed again, until the server writes their file anew: in minutes, "+
		"or, where more than half of the file are letters that still wait, as these leave, for up to %s", streams.DeadLettersStream, s.Config.NATS.DeadMaxAge))
	return compactor.CompactDeadLetters(ctx)
}
