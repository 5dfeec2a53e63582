package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// ErrConflict is returned by a Store when the record was changed since it was loaded.
var ErrConflict = errors.New("the record was changed meanwhile")

// Store keeps records by key, each with a revision.
type Store interface {
	// Load returns the record and its revision; nil and 0 where there is none.
	Load(ctx context.Context, key string) (record []byte, revision uint64, err error)
	// Save replaces the record if its revision is still revision (0: if there is
	// none), or returns ErrConflict. After any other error the record may have
	// been replaced all the same.
	Save(ctx context.Context, key string, record []byte, revision uint64) error
}

// Book changes the records of a store.
type Book struct {
	Store   Store
	Timeout time.Duration // of one call to the store
}

// Read returns the record at key; a zero Account where there is none.
func (b *Book) Read(ctx context.Context, key string) (Account, error) {
	a, _, _, err := b.load(ctx, key)
	return a, err
}

// Change lets change work on the record at key and saves what it leaves, by
// compare-and-set. Where the record was changed meanwhile, or a save got no
// answer, it loads the record and lets change work on it again: change must
// know its own work when it sees it. A record that change leaves as it is, is
// not saved.
func (b *Book) Change(ctx context.Context, key string, change func(*Account)) error {
	schedule := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(5*time.Millisecond),
		backoff.WithMaxInterval(time.Second),
		backoff.WithMaxElapsedTime(0),
	)
	err := backoff.Retry(func() error {
		if err := ctx.Err(); err != nil {
			return backoff.Permanent(err)
		}
		return b.once(ctx, key, change)
	}, backoff.WithContext(schedule, ctx))
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

func (b *Book) once(ctx context.Context, key string, change func(*Account)) error {
	a, old, revision, err := b.load(ctx, key)
	if err != nil {
		return err
	}
	change(&a)
	record, err := json.Marshal(a)
	if err != nil {
		return backoff.Permanent(fmt.Errorf("write record: %w", err))
	}
	if bytes.Equal(record, old) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	return b.Store.Save(ctx, key, record, revision)
}

func (b *Book) load(ctx context.Context, key string) (Account, []byte, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	record, revision, err := b.Store.Load(ctx, key)
	if err != nil || record == nil {
		return Account{}, nil, revision, err
	}
	var a Account
	if err := json.Unmarshal(record, &a); err != nil {
		return Account{}, nil, 0, backoff.Permanent(fmt.Errorf("the record at %s is not one of ours: %w", key, err))
	}
	return a, record, revision, nil
}
