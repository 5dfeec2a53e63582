package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// A note on a vendor is a key in the bucket CONTROL: a prefix such as "hold." and the name
// of the vendor.

// putNote stores a note as JSON, in place of an earlier note.
func (b *Bus) putNote(ctx context.Context, prefix, vendor string, note any) error {
	control, err := b.bucket(ctx, ControlKV)
	if err != nil {
		return err
	}
	text, err := json.Marshal(note)
	if err == nil {
		_, err = control.Put(ctx, prefix+vendor, text)
	}
	if err != nil {
		return fmt.Errorf("%s%s: %w", prefix, vendor, err)
	}
	return nil
}

// deleteNote deletes a note. There may be none.
func (b *Bus) deleteNote(ctx context.Context, prefix, vendor string) error {
	control, err := b.bucket(ctx, ControlKV)
	if err != nil {
		return err
	}
	if err := control.Delete(ctx, prefix+vendor); err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return fmt.Errorf("%s%s: %w", prefix, vendor, err)
	}
	return nil
}

// notes returns the stored notes by key.
func (b *Bus) notes(ctx context.Context, prefix string) (map[string][]byte, error) {
	control, err := b.bucket(ctx, ControlKV)
	if err != nil {
		return nil, err
	}
	lister, err := control.ListKeysFiltered(ctx, prefix+">")
	if err != nil {
		return nil, fmt.Errorf("%s*: %w", prefix, err)
	}
	defer func() { _ = lister.Stop() }()
	values := map[string][]byte{}
	for key := range lister.Keys() {
		entry, err := control.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s*: %w", prefix, err)
		}
		values[key] = entry.Value()
	}
	return values, nil
}
