package ops

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/deletionguard"
)

// guards has the records of the deletion guard.
type guards struct {
	all     deletionguard.Record            // over all vendors
	vendors map[string]deletionguard.Record // by vendor
}

// names returns the names of the vendors with a record.
func (g guards) names() []string { return slices.Sorted(maps.Keys(g.vendors)) }

// why returns the reason for which removals at a vendor are held at a time; "" if none are.
func (g guards) why(vendor string, now time.Time) string {
	own := g.vendors[vendor]
	if now.Before(own.Approved) {
		return ""
	}
	return cmp.Or(g.all.Why, own.Why)
}

// guardKey returns the key of the record of a vendor, or of all vendors for an empty name.
func guardKey(vendor string) string {
	if vendor == "" {
		return deletionguard.Key
	}
	return deletionguard.KeyOf(vendor)
}

// guards reads the records of the deletion guard.
func (s *Service) guards(ctx context.Context) (guards, error) {
	g := guards{vendors: map[string]deletionguard.Record{}}
	control, err := s.Streams.Control.Records(ctx)
	if err != nil {
		return g, err
	}
	if g.all, err = deletionguard.Read(ctx, control, deletionguard.Key); err != nil {
		return g, err
	}
	for stored, err := range control.List(ctx, deletionguard.Key) {
		if err != nil {
			return g, err
		}
		var r deletionguard.Record
		if err := json.Unmarshal(stored.Value, &r); err != nil {
			return g, fmt.Errorf("record %s of the deletion guard: %w", stored.Key, err)
		}
		g.vendors[strings.TrimPrefix(stored.Key, deletionguard.KeyOf(""))] = r
	}
	return g, nil
}
