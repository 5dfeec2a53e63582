package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// errForeign is the error of a stored record that cannot be read.
var errForeign = errors.New("it is not one of ours")

// Cell is one record of a store, changed by compare-and-set.
type Cell[R any] struct {
	Store   Store
	Key     string
	Timeout time.Duration                             // of one call to the store; zero is none
	Encode  func(record *R, b []byte) ([]byte, error) // appends the record as JSON to b
}

// Cached is a record as this process last read or saved it. The zero value is a
// record that this process has not seen.
type Cached[R any] struct {
	seen     bool
	record   R
	raw      []byte
	revision uint64
}

// Seen reports whether the record was seen.
func (c Cached[R]) Seen() bool { return c.seen }

// Load reads the record; it is a zero R if there is none.
func (c Cell[R]) Load(ctx context.Context) (R, error) {
	s, err := c.load(ctx)
	return s.record, err
}

// Try lets change work on the record and saves the result, once. It returns
// ErrConflict if the record was changed meanwhile. It loads the record only if last
// has not seen it, or if change leaves last as it is, so that nothing is decided by
// an outdated record. A record that change leaves as it is, is not saved. last becomes
// the record as it was saved or loaded; after an error it has not seen the record.
func (c Cell[R]) Try(ctx context.Context, last *Cached[R], change func(*R)) error {
	was, remembered := *last, last.seen
	*last = Cached[R]{}
	if !remembered {
		var err error
		if was, err = c.load(ctx); err != nil {
			return err
		}
	}
	now := was.record
	change(&now)
	raw, err := c.Encode(&now, make([]byte, 0, len(was.raw)+512))
	if err != nil {
		return fmt.Errorf("write the record at %s: %w", c.Key, err)
	}
	if bytes.Equal(raw, was.raw) {
		if remembered {
			return c.Try(ctx, last, change)
		}
		*last = was
		return nil
	}
	ctx, cancel := c.limited(ctx)
	defer cancel()
	revision, err := c.Store.Save(ctx, c.Key, raw, was.revision)
	if err == nil {
		*last = Cached[R]{seen: true, record: now, raw: raw, revision: revision}
	}
	return err
}

func (c Cell[R]) load(ctx context.Context) (Cached[R], error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	raw, revision, err := c.Store.Load(ctx, c.Key)
	s := Cached[R]{seen: true, raw: raw, revision: revision}
	if err == nil && raw != nil {
		err = parse(c.Key, raw, &s.record)
	}
	return s, err
}

func (c Cell[R]) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.Timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.Timeout)
}

// parse reads the stored record at key.
func parse[R any](key string, raw []byte, record *R) error {
	if err := json.Unmarshal(raw, record); err != nil {
		return fmt.Errorf("the record at %s: %w: %w", key, errForeign, err)
	}
	return nil
}
