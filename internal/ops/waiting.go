package ops

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
)

const (
	mostLooked  = 256 // timers and wakes of a vendor whose records a status reads
	looksAtOnce = 16
)

// countWaiting sets Waiting and WaitingSince by the records of the users with a timer or a wake. A timer
// outlives the work of a user: a count of timers shows users for minutes after their last event. Beyond
// mostLooked the count of timers and wakes stays.
func (s *Service) countWaiting(ctx context.Context, v *VendorStatus) error {
	if v.Waiting == 0 || v.Waiting > mostLooked {
		return nil
	}
	timers, err := streams.OpenTimers(ctx, s.Streams.Client)
	if err != nil {
		return err
	}
	digests, err := timers.Digests(ctx, v.Vendor)
	if err != nil {
		return err
	}
	accounts, err := s.records(ctx, streams.AccountsBucket)
	if err != nil {
		return err
	}
	activity, err := s.records(ctx, streams.EffectsBucket)
	if err != nil {
		return err
	}
	pending := make([][]record.Effect, len(digests))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(looksAtOnce)
	for i, digest := range digests {
		key, store := v.Vendor+"."+digest, accounts
		if record.IsActivityKey(key) {
			store = activity
		}
		group.Go(func() (err error) {
			pending[i], err = pendingOf(reading, store, key)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	v.Waiting = 0
	for _, effects := range pending {
		v.addWaiting(effects)
	}
	return nil
}

// pendingOf returns the pending effects of a record. An unreadable record counts as a pending effect:
// the user stands still.
func pendingOf(ctx context.Context, store *recordstore.Store, key string) ([]record.Effect, error) {
	e, err := store.Load(ctx, key)
	if err != nil && len(e.Encoded) > 0 {
		return []record.Effect{{}}, nil
	}
	return e.Record.Pending, err
}

// addWaiting counts a user with pending effects. The grace of a disabled account is no wait since a
// certain time.
func (v *VendorStatus) addWaiting(effects []record.Effect) {
	if len(effects) == 0 {
		return
	}
	v.Waiting++
	for i := range effects {
		if e := &effects[i]; !e.Later && !e.Registered.IsZero() {
			v.WaitingSince = earliest(v.WaitingSince, e.Registered)
		}
	}
}

// earliest returns the earlier of two times; nil stands for none.
func earliest(a *time.Time, b time.Time) *time.Time {
	if a == nil || b.Before(*a) {
		return &b
	}
	return a
}

// OldestWork returns the time of the oldest event of a vendor that is pending, in flight or waiting; nil
// if there is none.
func (v VendorStatus) OldestWork() *time.Time {
	if v.WaitingSince == nil {
		return v.Oldest
	}
	return earliest(v.Oldest, *v.WaitingSince)
}
