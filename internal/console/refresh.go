package console

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// refresh reads the status of all vendors, and counts the held deletions.
func (f *follower) refresh(ctx context.Context) {
	s := f.service()
	err := errors.New(errAway.title)
	var now ops.Status
	if s != nil {
		limit, cancel := context.WithTimeout(ctx, streams.CallTimeout)
		defer cancel()
		now, err = s.Status(limit)
	}
	f.mu.Lock()
	f.statusAt, f.failure = time.Now(), err
	if err == nil {
		f.status = now
	}
	count := err == nil && time.Now().After(f.heldNext)
	f.mu.Unlock()
	if count && holdsDeletions(now) {
		f.countHeld(ctx, s)
	}
}

// heldShare is the part of the time, as a divisor, spent counting held deletions: the count reads
// all records.
const heldShare = 20

// countHeld counts the held deletions.
func (f *follower) countHeld(ctx context.Context, s *ops.Service) {
	began := time.Now()
	list, err := s.HeldDeletions(ctx, "")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = len(list)
	if err != nil {
		f.held = -1
	}
	f.heldNext = time.Now().Add(max(2*statusEvery, heldShare*time.Since(began)))
}

// holdsDeletions reports whether the deletion guard holds deletions anywhere.
func holdsDeletions(s ops.Status) bool {
	return s.Deletions != nil || slices.ContainsFunc(s.Vendors, func(v ops.VendorStatus) bool { return v.Deletions != nil })
}
