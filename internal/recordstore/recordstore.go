// Package recordstore reads and changes the records of users in a key-value bucket, for
// commands, the console and the comparison with the vendors. The mailboxes have a store of their
// own. Package record has the rules of a record.
package recordstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// Store is the records in one bucket. The methods may be called concurrently.
type Store struct {
	records *streams.Records
}

// Entry is a record with its key and its revision; the revision of a missing record is 0.
type Entry struct {
	Key      string
	Revision uint64
	Record   *record.Record // never nil; empty for a missing record
	Encoded  []byte         // the stored form
}

// Open opens a bucket, which must exist.
func Open(ctx context.Context, c streams.Client, bucket string) (*Store, error) {
	r, err := streams.OpenRecords(ctx, c, bucket)
	if err != nil {
		return nil, err
	}
	return &Store{r}, nil
}

// Load returns the record at a key.
func (s *Store) Load(ctx context.Context, key string) (Entry, error) {
	encoded, revision, err := s.records.Load(ctx, key)
	if err != nil {
		return Entry{Key: key, Record: &record.Record{}}, err
	}
	return decode(key, encoded, revision)
}

func decode(key string, encoded []byte, revision uint64) (Entry, error) {
	e := Entry{Key: key, Revision: revision, Record: &record.Record{}, Encoded: encoded}
	if len(encoded) == 0 {
		return e, nil
	}
	r, err := record.Decode(encoded)
	if err != nil {
		return e, fmt.Errorf("record %s: %w", key, err)
	}
	e.Record = r
	return e, nil
}

// List returns the records whose keys begin with the tokens of prefix, such as a vendor's
// name; all records if prefix is empty. A record that is changed during the listing may
// appear twice, the later revision last. The listing ends after the first error.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for stored, err := range s.records.List(ctx, prefix) {
			var e Entry
			if err == nil {
				e, err = decode(stored.Key, stored.Value, stored.Revision)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Keys returns the keys that match a pattern, in which * is any one token, in no order.
func (s *Store) Keys(ctx context.Context, pattern string) ([]string, error) {
	return s.records.Keys(ctx, pattern)
}

// tries is how often Change tries to store a record without an answer of the server.
const tries = 5

// Change calls change with the record at a key, and stores the record by compare-and-set. After
// a conflict, or a store without an answer, Change loads the record and calls change again:
// change must recognize its own work. An unchanged record is not stored. A record of the former core loses its history by a change.
func (s *Store) Change(ctx context.Context, key string, change func(*record.Record)) error {
	for try := 1; ; {
		err := s.changeOnce(ctx, key, change)
		switch {
		case err == nil, ctx.Err() != nil, errors.Is(err, streams.ErrTooLarge):
			return err
		case errors.Is(err, streams.ErrStaleRevision):
			continue
		case try == tries:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * 100 * time.Millisecond):
		}
		try++
	}
}

func (s *Store) changeOnce(ctx context.Context, key string, change func(*record.Record)) error {
	e, err := s.Load(ctx, key)
	if err != nil {
		return err
	}
	before, err := e.Record.Encode()
	if err != nil {
		return fmt.Errorf("record %s: %w", key, err)
	}
	change(e.Record)
	encoded, err := e.Record.Encode()
	switch {
	case err != nil:
		return fmt.Errorf("record %s: %w", key, err)
	case bytes.Equal(encoded, e.Encoded), bytes.Equal(encoded, before):
		return nil
	}
	_, err = s.records.Store(ctx, key, encoded, e.Revision)
	return err
}
