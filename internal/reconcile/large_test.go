package reconcile_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/reconcile"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/vendors"
)

// town is a vendor with many accounts.
type town struct {
	*fake
	heap uint64 // at the end of the list
}

const citizens = 100_000

func (w *town) List(_ context.Context, yield func(vendors.Listed) error) error {
	for n := range citizens {
		if err := yield(vendors.Listed{ID: fmt.Sprint(n), Email: fmt.Sprintf("person%d@example.org", n)}); err != nil {
			return err
		}
	}
	w.heap = heap()
	return nil
}

// largeRecords are the records of all citizens.
type largeRecords struct{ vendorRecords }

func (largeRecords) List(context.Context, string) iter.Seq2[recordstore.Entry, error] {
	return func(yield func(recordstore.Entry, error) bool) {
		for n := range citizens {
			user := fmt.Sprint("user-", n)
			r := record.Record{UserID: user, AccountID: fmt.Sprint(n), State: record.Active, Seen: make(record.Seen, 3)}
			if !yield(recordstore.Entry{Key: record.AccountKey("acme", user), Revision: 1, Record: &r}, nil) {
				return
			}
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestCompareKeepsLittle compares a hundred thousand accounts: of each, only its id and the
// key of its record are kept.
func TestCompareKeepsLittle(t *testing.T) {
	w := &town{fake: newFake(t, record.Record{})}
	deps := w.deps()
	deps.Vendor, deps.Records = w, largeRecords{vendorRecords{w.fake}}
	before := heap()
	r, err := reconcile.Compare(t.Context(), deps)
	if err != nil || r.Agree != citizens || !r.Same() {
		t.Fatalf("got %d in agreement, %d differences, %v", r.Agree, len(r.Differences), err)
	}
	if each := (w.heap - before) / citizens; each > 300 {
		t.Errorf("got %d bytes an account, want at most 300", each)
	} else {
		t.Logf("%d bytes an account", each)
	}
}
