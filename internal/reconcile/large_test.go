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

// largeVendor is a vendor with many accounts.
type largeVendor struct {
	*fake
	heap uint64 // at the end of the list
}

const accounts = 100_000

func (v *largeVendor) List(_ context.Context, yield func(vendors.Listed) error) error {
	for n := range accounts {
		if err := yield(vendors.Listed{ID: fmt.Sprint(n), Email: fmt.Sprintf("person%d@example.org", n)}); err != nil {
			return err
		}
	}
	v.heap = heap()
	return nil
}

// largeRecords holds a record of each account of largeVendor.
type largeRecords struct{ vendorRecords }

func (largeRecords) List(context.Context, string) iter.Seq2[recordstore.Entry, error] {
	return func(yield func(recordstore.Entry, error) bool) {
		for n := range accounts {
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

// TestCompareNeedsLittleMemory compares a hundred thousand accounts. A comparison stores only
// the id and the record's key of each account.
func TestCompareNeedsLittleMemory(t *testing.T) {
	w := &largeVendor{fake: newFake(t, record.Record{})}
	deps := w.deps()
	deps.Vendor, deps.Records = w, largeRecords{vendorRecords{w.fake}}
	before := heap()
	r, err := reconcile.Compare(t.Context(), deps)
	if err != nil || r.Agree != accounts || !r.Same() {
		t.Fatalf("got %d in agreement, %d differences, %v", r.Agree, len(r.Differences), err)
	}
	if each := (w.heap - before) / accounts; each > 300 {
		t.Errorf("got %d bytes an account, want at most 300", each)
	} else {
		t.Logf("%d bytes an account", each)
	}
}
