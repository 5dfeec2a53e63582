package ops

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// HeldDeletion is a removal of an account that waits for the approval of a person.
type HeldDeletion struct {
	Vendor string    `json:"vendor"`
	UserID string    `json:"user_id"`
	Type   string    `json:"type"`  // of the event
	Since  time.Time `json:"since"` // when the deletion was registered
}

// HeldDeletions reads the records of a vendor, or of all for an empty name, and returns the held
// deletions, the oldest first. With an error for records that cannot be read, the list has the
// deletions of all others.
func (s *Service) HeldDeletions(ctx context.Context, vendor string) ([]HeldDeletion, error) {
	records, err := streams.OpenRecords(ctx, s.Streams.Client, streams.AccountsBucket)
	if err != nil {
		return nil, err
	}
	byKey, unreadable := map[string][]HeldDeletion{}, map[string]error{}
	for stored, err := range records.List(ctx, vendor) { // a key may appear twice, the later revision last
		if err != nil {
			return nil, err
		}
		delete(byKey, stored.Key)
		delete(unreadable, stored.Key)
		r, err := record.Decode(stored.Value)
		if err != nil {
			unreadable[stored.Key] = err
			continue
		}
		if held := heldIn(stored.Key, r); len(held) > 0 {
			byKey[stored.Key] = held
		}
	}
	var all []HeldDeletion
	for _, held := range byKey {
		all = append(all, held...)
	}
	slices.SortFunc(all, func(a, b HeldDeletion) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.UserID, b.UserID))
	})
	for key, err := range unreadable {
		return all, fmt.Errorf("%d records cannot be read, among them %s: %w", len(unreadable), key, err)
	}
	return all, nil
}

// heldIn returns the held deletions of a record.
func heldIn(key string, r *record.Record) (held []HeldDeletion) {
	vendor, _, _ := strings.Cut(key, ".")
	for _, e := range r.Pending {
		if e.Held {
			held = append(held, HeldDeletion{Vendor: vendor, UserID: r.UserID, Type: e.Type, Since: e.Registered})
		}
	}
	return held
}
