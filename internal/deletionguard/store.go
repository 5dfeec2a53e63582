package deletionguard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/usherhq/usher/internal/streams"
)

// Key is the key of the record of the guard over all vendors.
const Key = "deletions"

// KeyOf returns the key of the record of the guard of a vendor.
func KeyOf(vendor string) string { return Key + "." + vendor }

// Store is the bucket of the record, written by compare-and-set; see streams.Records.
type Store interface {
	Load(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Store(ctx context.Context, key string, value []byte, revision uint64) (newRevision uint64, err error)
}

// Change calls change with the record at a key, and stores the result by compare-and-set. If another
// process stores the record meanwhile, change is called with that record. An unchanged record is
// not stored.
func Change(ctx context.Context, store Store, key string, change func(*Record)) (Record, error) {
	for {
		r, err := try(ctx, store, key, change)
		if !errors.Is(err, streams.ErrStaleRevision) {
			return r, recordError(err)
		}
	}
}

func try(ctx context.Context, store Store, key string, change func(*Record)) (Record, error) {
	r, value, revision, err := load(ctx, store, key)
	if err != nil {
		return Record{}, err
	}
	change(&r)
	next, err := json.Marshal(r)
	if err != nil {
		return Record{}, err
	}
	if !bytes.Equal(next, value) {
		_, err = store.Store(ctx, key, next, revision)
	}
	return r, err
}

// Read returns the record at a key; the zero Record if none is stored.
func Read(ctx context.Context, store Store, key string) (Record, error) {
	r, _, _, err := load(ctx, store, key)
	return r, recordError(err)
}

func load(ctx context.Context, store Store, key string) (r Record, value []byte, revision uint64, err error) {
	value, revision, err = store.Load(ctx, key)
	if err == nil && len(value) > 0 {
		err = json.Unmarshal(value, &r)
	}
	return r, value, revision, err
}

func recordError(err error) error {
	if err != nil {
		return fmt.Errorf("record of the deletion guard: %w", err)
	}
	return nil
}
