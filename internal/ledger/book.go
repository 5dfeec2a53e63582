package ledger

import (
	"context"
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
	return b.cell(key).Load(ctx)
}

// Sight is a record of an account as this process last read or saved it.
type Sight = Cached[Account]

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
	cell := b.cell(key)
	err := backoff.Retry(func() error {
		if err := ctx.Err(); err != nil {
			return backoff.Permanent(err)
		}
		err := cell.Try(ctx, last, change)
		if errors.Is(err, ErrTooLarge) || errors.Is(err, errForeign) {
			return backoff.Permanent(err)
		}
		return err
	}, backoff.WithContext(schedule, ctx))
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

func (b *Book) cell(key string) Cell[Account] {
	return Cell[Account]{Store: b.Store, Key: key, Timeout: b.Timeout, Encode: encode}
}

func encode(a *Account, b []byte) ([]byte, error) { return a.write(b), nil }
