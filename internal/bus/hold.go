package bus

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// Hold says why nothing is asked of a vendor: it fails, or it refuses our
// credentials.
type Hold struct {
	Since time.Time `json:"since"`
	At    time.Time `json:"at"` // when a trial last failed
	Why   string    `json:"why"`
}

// holdPrefix begins the keys of holds in the bucket CONTROL.
const holdPrefix = "hold."

// Hold stores that a vendor is on hold, for all to see.
func (b *Bus) Hold(ctx context.Context, vendor string, h Hold) error {
	return b.putNote(ctx, holdPrefix, vendor, h)
}

// Release ends the hold of a vendor. There may be none.
func (b *Bus) Release(ctx context.Context, vendor string) error {
	return b.deleteNote(ctx, holdPrefix, vendor)
}

// Holds returns the vendors that are on hold, if the last check failed within the time fresh:
// the process that reported an older hold may have died since.
func (b *Bus) Holds(ctx context.Context, fresh time.Duration) (map[string]Hold, error) {
	values, err := b.notes(ctx, holdPrefix)
	if err != nil {
		return nil, err
	}
	found := map[string]Hold{}
	for key, value := range values {
		var h Hold
		if json.Unmarshal(value, &h) == nil && time.Since(h.At) < fresh {
			found[strings.TrimPrefix(key, holdPrefix)] = h
		}
	}
	return found, nil
}
