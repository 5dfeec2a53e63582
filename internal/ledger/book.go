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

// ErrTooLarge is returned by a Store for a record that it can never take.
var ErrTooLarge = errors.New("the record is too large")

// Store keeps records by key, each with a revision.
type Store interface {
	// Load returns the record and its revision; nil and 0 where there is none.
	Load(ctx context.Context, key string) (record []byte, revision uint64, err error)
	// Save replaces the record if its revision is still revision (0: if there is
	// none) and returns the new one, or returns ErrConflict or ErrTooLarge. After any
	// other error the record may have been replaced all the same.
	Save(ctx context.Context, key string, record []byte, revision uint64) (uint64, error)
}

// Book changes the records of a store.
type Book struct {
	Store   Store
	Timeout time.Duration // of one call to the store
}

// Read returns the record at key; a zero Account where there is none.
func (b *Book) Read(ctx context.Context, key string) (Account, error) {
	s, err := b.load(ctx, key)
	return s.account, err
}

// Sight is a record as it was when this process last read or saved it. The zero
// value is of a record that it has not seen.
type Sight struct {
	seen     bool
	account  Account
	record   []byte
	revision uint64
}

// Seen tells whether the record was seen.
func (s Sight) Seen() bool { return s.seen }

// Absent is the sight of a record that is probably not there. Whoever is mistaken
// learns it when the record is saved.
func Absent() Sight { return Sight{seen: true} }

// Change lets change work on the record at key and saves what it leaves, by
// compare-and-set. Where the record was changed meanwhile, or a save got no
// answer, it loads the record and lets change work on it again: change must
// know its own work when it sees it. A record that change leaves as it is, is
// not saved.
func (b *Book) Change(ctx context.Context, key string, change func(*Account)) error {
	return b.Revise(ctx, key, new(Sight), change)
}

// Revise is Change for a record that was seen before: it is loaded only where it
// has not been, where it was changed since, or where change leaves it as it is, so
// that nothing is ever decided by what is out of date. last is how it was seen, and
// becomes what was saved.
func (b *Book) Revise(ctx context.Context, key string, last *Sight, change func(*Account)) error {
	schedule := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(5*time.Millisecond),
		backoff.WithMaxInterval(time.Second),
		backoff.WithMaxElapsedTime(0),
	)
	err := backoff.Retry(func() error {
		if err := ctx.Err(); err != nil {
			return backoff.Permanent(err)
		}
		return b.once(ctx, key, last, change)
	}, backoff.WithContext(schedule, ctx))
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

func (b *Book) once(ctx context.Context, key string, last *Sight, change func(*Account)) error {
	was, remembered := *last, last.seen
	*last = Sight{} // until it is known how the record is
	if !remembered {
		var err error
		if was, err = b.load(ctx, key); err != nil {
			return err
		}
	}
	now := was.account
	change(&now)
	record := now.write(make([]byte, 0, len(was.record)+512))
	if bytes.Equal(record, was.record) {
		if remembered {
			return b.once(ctx, key, last, change)
		}
		*last = was
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	revision, err := b.Store.Save(ctx, key, record, was.revision)
	switch {
	case err == nil:
		*last = Sight{seen: true, account: now, record: record, revision: revision}
	case errors.Is(err, ErrTooLarge):
		return backoff.Permanent(err)
	}
	return err
}

func (b *Book) load(ctx context.Context, key string) (Sight, error) {
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	record, revision, err := b.Store.Load(ctx, key)
	s := Sight{seen: true, record: record, revision: revision}
	if err != nil || record == nil {
		return s, err
	}
	if err := json.Unmarshal(record, &s.account); err != nil {
		return s, backoff.Permanent(fmt.Errorf("the record at %s is not one of ours: %w", key, err))
	}
	return s, nil
}
