package reconcile_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/internal/reconcile"
	"github.com/usherhq/usher/vendors"
)

// town is a vendor with many accounts, and a ledger that has them all.
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

func (w *town) Walk(_ context.Context, _ string, yield func(ledger.Record) error) error {
	for n := range citizens {
		user := fmt.Sprint("user-", n)
		a := ledger.Account{UserID: user, AccountID: fmt.Sprint(n), State: ledger.Active, Effects: make([]ledger.Effect, 3)}
		if err := yield(ledger.Record{Key: ledger.AccountKey("acme", user), Revision: 1, Account: a}); err != nil {
			return err
		}
	}
	return nil
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestCompareKeepsLittle compares a hundred thousand accounts: of each, only its id
// and where its record is are kept.
func TestCompareKeepsLittle(t *testing.T) {
	w := &town{fake: newFake(t, ledger.Account{})}
	deps := w.deps()
	deps.Vendor, deps.Ledger = w, w
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
