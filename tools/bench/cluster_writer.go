package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/usherhq/usher/tools/process"
)

// recordStore is the bucket of the records.
type recordStore interface {
	Load(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Store(ctx context.Context, key string, value []byte, revision uint64) (newRevision uint64, err error)
}

// writer stores records one after the other, through the death of a server.
type writer struct {
	records recordStore
	keys    []string
	next    int
	acked   map[string]int // number of the last acknowledged write of a key
	all     int            // acknowledged writes
	limit   time.Duration  // for each attempt
}

// newWriter returns a writer of some of n accounts.
func newWriter(records recordStore, t *template, n int) *writer {
	const most = 500
	w := &writer{records: records, acked: map[string]int{}, limit: 500 * time.Millisecond}
	for i := range min(n, most) {
		w.keys = append(w.keys, t.recordKey(i*(n/min(n, most))))
	}
	return w
}

// write writes until the time. The first error ends the writes.
func (w *writer) write(ctx context.Context, until time.Time) error {
	for time.Now().Before(until) {
		if err := w.one(ctx); err != nil {
			return err
		}
	}
	return nil
}

// untilAcked repeats a write until an acknowledgement, or the end of ctx.
func (w *writer) untilAcked(ctx context.Context) error {
	for ctx.Err() == nil {
		if w.one(ctx) == nil {
			return nil
		}
		process.Sleep(ctx, 5*time.Millisecond) // a request to a missing leader fails at once
	}
	return ctx.Err()
}

// one stores the next record. A timed-out write may have been stored, so each attempt reads the revision.
func (w *writer) one(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.limit)
	defer cancel()
	w.next++
	key := w.keys[w.next%len(w.keys)]
	value, revision, err := w.records.Load(ctx, key)
	if err == nil && revision == 0 {
		err = fmt.Errorf("record %s is lost", key)
	}
	if err == nil {
		_, err = w.records.Store(ctx, key, numbered(value, w.next), revision)
	}
	if err == nil {
		w.acked[key] = w.next
		w.all++
	}
	return err
}

// check returns the number of acknowledged writes, and of the keys with an older value than the last of
// these.
func (w *writer) check(ctx context.Context) (acked, lost int, err error) {
	for key, want := range w.acked {
		value, _, loaded := w.records.Load(ctx, key)
		err = errors.Join(err, loaded)
		if loaded == nil && numberOf(value) < want {
			lost++
		}
	}
	return w.all, lost, err
}

// numbered returns the value with a number in place of the number at its end, if any. The value of a record is
// an object.
func numbered(value []byte, n int) []byte {
	return append(value[:end(value):end(value)], strconv.Itoa(n)...)
}

// numberOf returns the number at the end of a value; 0 without.
func numberOf(value []byte) int {
	n, _ := strconv.Atoi(string(value[end(value):]))
	return n
}

// end returns the length of the value without digits at the end.
func end(value []byte) int {
	n := len(value)
	for n > 0 && value[n-1] >= '0' && value[n-1] <= '9' {
		n--
	}
	return n
}
