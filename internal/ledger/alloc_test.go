//go:build !race

package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/ledger"
)

// shelf is a Store that forgets.
type shelf struct{}

func (shelf) Load(context.Context, string) ([]byte, uint64, error) { return nil, 0, nil }
func (shelf) Save(context.Context, string, []byte, uint64) (uint64, error) {
	return 1, nil
}

// step claims an effect, and writes its outcome.
func step(tb testing.TB) {
	book := &ledger.Book{Store: shelf{}, Timeout: time.Second}
	sight := ledger.Absent()
	m := arrival("a", 1)
	err := book.Revise(tb.Context(), "k", &sight, func(a *ledger.Account) { a.Arrive(m) })
	if err == nil {
		err = book.Revise(tb.Context(), "k", &sight, func(a *ledger.Account) {
			a.Finish(m.Key, m.Token, ledger.Outcome{Kind: "done", At: now}, ledger.Change{State: ledger.Active, AccountID: "7", Applied: true})
		})
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// TestAStepAllocates holds what the ledger costs an effect to a ceiling.
func TestAStepAllocates(t *testing.T) {
	const most = 26
	if got := testing.AllocsPerRun(100, func() { step(t) }); got > most {
		t.Errorf("%.0f objects, want %d at most", got, most)
	}
}

func BenchmarkStep(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		step(b)
	}
}
