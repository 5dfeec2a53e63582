package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// KV is a Store in a JetStream key-value bucket.
type KV struct {
	Bucket jetstream.KeyValue
}

// Load reads the newest value at key.
func (s KV) Load(ctx context.Context, key string) ([]byte, uint64, error) {
	entry, err := s.Bucket.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, 0, nil
	case err != nil:
		return nil, 0, fmt.Errorf("load %s: %w", key, err)
	}
	return entry.Value(), entry.Revision(), nil
}

// Save writes the value at key by compare-and-set.
func (s KV) Save(ctx context.Context, key string, record []byte, revision uint64) (saved uint64, err error) {
	if revision == 0 {
		saved, err = s.Bucket.Create(ctx, key, record)
	} else {
		saved, err = s.Bucket.Update(ctx, key, record, revision)
	}
	switch {
	case errors.Is(err, jetstream.ErrKeyExists), errors.Is(err, jetstream.ErrKeyRevisionMismatch):
		return 0, ErrConflict
	case errors.Is(err, nats.ErrMaxPayload):
		return 0, fmt.Errorf("save %s: %w", key, ErrTooLarge)
	case err != nil:
		return 0, fmt.Errorf("save %s: %w", key, err)
	}
	return saved, nil
}
