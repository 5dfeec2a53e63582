package core

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

// renewals is how often an unfinished record of activity is stored again within the time after
// which the bucket would drop the record.
const renewals = 8

// renew stores the unfinished records of activity again until ctx ends, as long as this process
// owns the vendor. An activity waits for as long as the vendor is on hold or paused, and the
// bucket drops a record that was not stored for its time to live. The first round comes with
// the ownership: perhaps nobody has owned the vendor for a while.
func (x *Core) renew(ctx context.Context, ttl time.Duration) {
	if ttl <= 0 {
		return
	}
	ticker := time.NewTicker(min(keepEvery, ttl/(4*renewals)))
	defer ticker.Stop()
	var last time.Time // of the present ownership
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		owner, now := x.owner.Load(), time.Now()
		switch {
		case owner == nil || !owner.Owns():
			last = time.Time{}
		case now.Sub(last) >= ttl/renewals:
			if err := renewOnce(ctx, x.streams); err == nil {
				last = now
			} else if ctx.Err() == nil {
				x.failures.Failed(x.deps.Log, x.config.Vendor, err)
			}
		}
	}
}

// renewOnce stores each unfinished record of activity again. Without a timer or a wake of an
// activity there is no such record.
func renewOnce(ctx context.Context, s *vendorStreams) error {
	n, err := s.timers.CountEvents(ctx, s.config.Vendor)
	if err != nil || n == 0 {
		return err
	}
	first := uint64(math.MaxUint64) // the first revision stored by this round
	return s.each(ctx, s.records.events, isUnfinishedActivity, func(r streams.Record) error {
		if r.Revision >= first { // the listing shows records that are stored meanwhile
			return nil
		}
		revision, err := s.records.events.Store(ctx, r.Key, r.Value, r.Revision)
		switch {
		case errors.Is(err, streams.ErrStaleRevision): // stored meanwhile
			return nil
		case err == nil:
			first = min(first, revision)
		}
		return err
	})
}
