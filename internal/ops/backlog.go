package ops

import (
	"context"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// The reasons why an effect is not finished.
const (
	BacklogAtWork   = "at work"
	BacklogRetry    = "failed, and tried again"
	BacklogBehind   = "behind an earlier event of the user"
	BacklogAccount  = "the user has no account yet"
	BacklogHeld     = "deletion held for approval"
	BacklogGrace    = "disabled account, deleted later"
	BacklogReady    = "ready"
	maxBacklogReads = 50_000 // records
)

// Backlog is the unfinished work in the records of a vendor.
type Backlog struct {
	Reasons map[string]int // number of effects by reason
	Held    []HeldDeletion // the first heldShown
	More    bool           // the vendor has more than maxBacklogReads records, and only those were read
}

// heldShown is the most held deletions in a Backlog.
const heldShown = 200

// Backlog reads the records of a vendor, and counts the unfinished effects by reason. Unreadable
// records are left out.
func (s *Service) Backlog(ctx context.Context, vendor string) (Backlog, error) {
	b := Backlog{Reasons: map[string]int{}}
	records, err := streams.OpenRecords(ctx, s.Streams.Client, streams.AccountsBucket)
	if err != nil {
		return b, err
	}
	read, byKey := 0, map[string]*record.Record{}
	for stored, err := range records.List(ctx, vendor) {
		if err != nil {
			return b, err
		}
		if read++; read > maxBacklogReads {
			b.More = true
			break
		}
		delete(byKey, stored.Key) // a key may appear twice, the later revision last
		if r, err := record.Decode(stored.Value); err == nil && len(r.Pending) > 0 {
			byKey[stored.Key] = r
		}
	}
	now := time.Now()
	for key, r := range byKey {
		b.add(key, r, now)
	}
	return b, nil
}

// add counts the unfinished effects of a record.
func (b *Backlog) add(key string, r *record.Record, now time.Time) {
	for i := range r.Pending {
		b.Reasons[backlogReason(r, &r.Pending[i], now)]++
	}
	if len(b.Held) < heldShown {
		b.Held = append(b.Held, heldIn(key, r)...)
	}
}

// backlogReason returns why an effect is not finished.
func backlogReason(r *record.Record, e *record.Effect, now time.Time) string {
	_, blocked := record.Blocker(r, e.Key, e.Replay)
	switch {
	case r.Claim.Is(e.Key, e.Replay):
		return BacklogAtWork
	case blocked:
		return BacklogBehind
	case e.Held:
		return BacklogHeld
	case e.Later:
		return BacklogGrace
	case e.Prerequisite:
		return BacklogAccount
	case e.Due.After(now) && e.Attempts > 0:
		return BacklogRetry
	default:
		return BacklogReady
	}
}
