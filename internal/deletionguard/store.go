package deletionguard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/usherhq/usher/internal/streams"
)

// Key is the key of the record in its store.
const Key = "deletions"

// Store is the bucket of the record, written by compare-and-set; see streams.Records.
type Store interface {
	Load(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Store(ctx context.Context, key string, value []byte, revision uint64) (newRevision uint64, err error)
}

// Change calls change with the record, and stores the result by compare-and-set. If another
// process stores the record meanwhile, change is called with that record. An unchanged record is
// not stored.
func Change(ctx context.Context, store Store, change func(*Record)) (Record, error) {
	for {
		r, err := try(ctx, store, change)
		if !errors.Is(err, streams.ErrStaleRevision) {
			return r, recordError(err)
		}
	}
}

func try(ctx context.Context, store Store, change func(*Record)) (Record, error) {
	r, value, revision, err := load(ctx, store)
	if err != nil {
		return Record{}, err
	}
	change(&r)
	next, err := json.Marshal(r)
	if err != nil {
		return Record{}, err
	}
	if !bytes.Equal(next, value) {
		_, err = store.Store(ctx, Key, next, revision)
	}
	return r, err
}

// Read returns the record; the zero Record if none is stored.
func Read(ctx context.Context, store Store) (Record, error) {
	r, _, _, err := load(ctx, store)
	return r, recordError(err)
}

func load(ctx context.Context, store Store) (r Record, value []byte, revision uint64, err error) {
	value, revision, err = store.Load(ctx, Key)
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
