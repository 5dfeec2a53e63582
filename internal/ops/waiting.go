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
	mostLooked  = 256    // records that a status reads for a vendor
	mostListed  = 20_000 // timers and wakes that a status lists for a vendor
	looksAtOnce = 16
)

// countWaiting reads the records of the users with a timer or a wake, and sets Waiting, WaitingSince and
// Failed. A timer outlives the work of a user: a count of timers shows users for minutes after their
// last event. Beyond mostLooked records the count of timers and wakes stays, and Failed is that of a
// sample: digests are hashes, so the first mostLooked are a random choice.
func (s *Service) countWaiting(ctx context.Context, v *VendorStatus) error {
	if v.Waiting == 0 || v.Waiting > mostListed {
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
	list, err := s.readWaiting(ctx, v.Vendor, digests[:min(len(digests), mostLooked)])
	if err != nil {
		return err
	}
	v.Failed = triesOf(list)
	if len(digests) > mostLooked {
		if v.Failed != nil {
			v.Failed.Sample = mostLooked
		}
		return nil
	}
	v.Waiting = 0
	for _, r := range list {
		v.addWaiting(r.Pending)
	}
	return nil
}

// readWaiting returns the records of digests at a vendor.
func (s *Service) readWaiting(ctx context.Context, vendor string, digests []string) ([]*record.Record, error) {
	accounts, err := s.records(ctx, streams.AccountsBucket)
	if err != nil {
		return nil, err
	}
	activity, err := s.records(ctx, streams.EffectsBucket)
	if err != nil {
		return nil, err
	}
	list := make([]*record.Record, len(digests))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(looksAtOnce)
	for i, digest := range digests {
		key, store := vendor+"."+digest, accounts
		if record.IsActivityKey(key) {
			store = activity
		}
		group.Go(func() (err error) {
			list[i], err = readOne(reading, store, key)
			return err
		})
	}
	return list, group.Wait()
}

// readOne returns a record. An unreadable record counts as a pending effect: the user stands still.
func readOne(ctx context.Context, store *recordstore.Store, key string) (*record.Record, error) {
	e, err := store.Load(ctx, key)
	if err != nil && len(e.Encoded) > 0 {
		return &record.Record{Pending: record.Effects{{}}}, nil
	}
	return e.Record, err
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
