package ops

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/usherhq/usher/internal/streams"
)

// LeftVendor is a vendor that was served, and that the configuration no longer has. Records, dead
// letters and consumers of the vendor are still stored.
type LeftVendor struct {
	Vendor string `json:"vendor"`
	Dead   int    `json:"dead_letters"`
}

// left returns the vendors that were served and are not in the configuration.
func (s *Service) left(ctx context.Context, dead []streams.DeadCount) ([]LeftVendor, error) {
	owned, err := streams.OpenRecords(ctx, s.Streams.Client, streams.Names{}.WithDefaults().Ownership)
	if errors.Is(err, streams.ErrNoStream) {
		return nil, nil // no vendor was served
	}
	if err != nil {
		return nil, err
	}
	keys, err := owned.Keys(ctx, "*.token")
	if err != nil {
		return nil, err
	}
	slices.Sort(keys)
	var out []LeftVendor
	for _, key := range keys {
		one := LeftVendor{Vendor: strings.TrimSuffix(key, ".token")}
		if slices.ContainsFunc(s.Vendors, func(v Vendor) bool { return v.Name == one.Vendor }) {
			continue
		}
		for _, c := range dead {
			if c.Vendor == one.Vendor {
				one.Dead += c.Count
			}
		}
		out = append(out, one)
	}
	return out, nil
}
