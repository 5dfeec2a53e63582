package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Record is an account's record with where it is kept and its revision.
type Record struct {
	Key      string
	Revision uint64
	Account  Account
}

// AccountsOf is the pattern of the keys of all accounts at a vendor.
func AccountsOf(vendor string) string { return vendor + ".*" }

// Walk calls yield with each record whose key fits the pattern, in which * is any
// one token and > all that follow, one at a time, until yield returns an error,
// which it returns. A record that is changed meanwhile comes as it was, as it is
// then, or both.
func (s KV) Walk(ctx context.Context, pattern string, yield func(Record) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all, err := s.Bucket.Watch(ctx, pattern)
	if err != nil {
		return fmt.Errorf("walk %s: %w", pattern, err)
	}
	defer func() { _ = all.Stop() }()
	// A nil entry follows the last entry that the server counted at first. The count
	// leaves out a record that is rewritten while the watch begins, and so does Delta:
	// such a record comes later, so the walk ends only after a quiet time.
	quiet := time.NewTimer(quietTime)
	defer quiet.Stop()
	for marked, pending := false, uint64(0); ; {
		select {
		case entry, open := <-all.Updates():
			switch {
			case !open:
				return errors.Join(fmt.Errorf("walk %s: it broke off before the end", pattern), ctx.Err())
			case entry == nil:
				marked = true
			default:
				pending = entry.Delta()
				if err := passOn(entry, yield); err != nil {
					return err
				}
			}
			quiet.Reset(quietTime)
		case <-quiet.C:
			if marked && pending == 0 {
				return nil
			}
			quiet.Reset(quietTime)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// quietTime is the time without a record after which a walk ends.
const quietTime = 200 * time.Millisecond

// passOn calls yield with what an entry holds.
func passOn(entry jetstream.KeyValueEntry, yield func(Record) error) error {
	if entry.Operation() != jetstream.KeyValuePut {
		return nil
	}
	r, err := record(entry.Key(), entry.Value(), entry.Revision())
	if err != nil {
		return err
	}
	return yield(r)
}

// Record reads one record as it is now; its revision is zero where there is none.
func (s KV) Record(ctx context.Context, key string) (Record, error) {
	raw, revision, err := s.Load(ctx, key)
	if err != nil || raw == nil {
		return Record{Key: key}, err
	}
	return record(key, raw, revision)
}

func record(key string, raw []byte, revision uint64) (Record, error) {
	r := Record{Key: key, Revision: revision}
	return r, parse(key, raw, &r.Account)
}
