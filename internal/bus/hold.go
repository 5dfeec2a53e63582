package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
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

// Hold writes down that a vendor is on hold, for all to see.
func (b *Bus) Hold(ctx context.Context, vendor string, h Hold) error {
	control, err := b.bucket(ctx, ControlKV)
	if err != nil {
		return err
	}
	text, err := json.Marshal(h)
	if err == nil {
		_, err = control.Put(ctx, holdPrefix+vendor, text)
	}
	if err != nil {
		return fmt.Errorf("hold of %s: %w", vendor, err)
	}
	return nil
}

// Release takes a hold away. There may be none.
func (b *Bus) Release(ctx context.Context, vendor string) error {
	control, err := b.bucket(ctx, ControlKV)
	if err != nil {
		return err
	}
	if err := control.Delete(ctx, holdPrefix+vendor); err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return fmt.Errorf("hold of %s: %w", vendor, err)
	}
	return nil
}

// Holds returns the vendors that are on hold, with the last of what was said of
// each not longer ago than fresh: who said it may have died since.
func (b *Bus) Holds(ctx context.Context, fresh time.Duration) (map[string]Hold, error) {
	control, err := b.bucket(ctx, ControlKV)
	if err != nil {
		return nil, err
	}
	lister, err := control.ListKeysFiltered(ctx, holdPrefix+">")
	if err != nil {
		return nil, fmt.Errorf("holds: %w", err)
	}
	defer func() { _ = lister.Stop() }()
	found := map[string]Hold{}
	for key := range lister.Keys() {
		entry, err := control.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("holds: %w", err)
		}
		var h Hold
		if json.Unmarshal(entry.Value(), &h) == nil && time.Since(h.At) < fresh {
			found[strings.TrimPrefix(key, holdPrefix)] = h
		}
	}
	return found, nil
}
