package ops

import (
	"context"
	"errors"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// findProfile looks for the profile of the user.
func (s *Service) findProfile(ctx context.Context, u *UserData, search Search, _ endedEffects) error {
	profiles, err := streams.OpenRecords(ctx, s.Streams.Client, streams.ProfilesBucket)
	if errors.Is(err, streams.ErrNoStream) { // of a former version
		return nil
	}
	if err == nil {
		_, u.profile, err = profiles.Load(ctx, record.Digest(search.UserID))
	}
	return err
}

// eraseProfile removes the profile of the user, also from the disk of the server. A profile that
// was changed since is an error: a newer event came.
func (s *Service) eraseProfile(ctx context.Context, u UserData, _ ForgetOptions, f *Forgotten) error {
	if u.profile == 0 {
		return nil
	}
	profiles, err := streams.OpenRecords(ctx, s.Streams.Client, streams.ProfilesBucket)
	if err != nil {
		return err
	}
	if err := profiles.Delete(ctx, u.User, u.profile); err != nil {
		return err
	}
	f.Erased = append(f.Erased, Match{streams.ProfilesBucket, 1})
	return admin.NewCompactor(s.Streams.Client).CompactBucket(ctx, streams.ProfilesBucket)
}
