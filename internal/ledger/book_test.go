package ledger_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/ledger"
)

// memory is a Store in memory whose saves may get no answer.
type memory struct {
	mu       sync.Mutex
	record   []byte
	revision uint64
	loads    int
	saves    int
	lose     int // so many saves lose their answer
}

func (s *memory) Load(context.Context, string) ([]byte, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return s.record, s.revision, nil
}

func (s *memory) Save(_ context.Context, _ string, record []byte, revision uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if revision != s.revision {
		return 0, ledger.ErrConflict
	}
	s.record, s.revision = record, revision+1
	s.saves++
	if s.lose > 0 {
		s.lose--
		return 0, errors.New("no answer in time")
	}
	return s.revision, nil
}

func TestChangeIsMadeByManyAtOnce(t *testing.T) {
	store := &memory{}
	book := &ledger.Book{Store: store, Timeout: time.Second}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := book.Change(t.Context(), "k", func(a *ledger.Account) { a.Life.Seq++ }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	a, err := book.Read(t.Context(), "k")
	if got, want := a.Life.Seq, uint64(20); err != nil || got != want {
		t.Errorf("got %d changes (%v), want %d", got, err, want)
	}
}

func TestChangeKnowsItsOwnWork(t *testing.T) {
	store := &memory{lose: 1}
	book := &ledger.Book{Store: store, Timeout: time.Second}
	var steps []ledger.Step
	err := book.Change(t.Context(), "k", func(a *ledger.Account) { steps = append(steps, a.Arrive(arrival("a", 1)).Step) })
	if err != nil || len(steps) != 2 || steps[1] != ledger.Proceed {
		t.Errorf("got steps %v (%v), want the claim found again", steps, err)
	}
	a, err := book.Read(t.Context(), "k")
	if err != nil || a.Effects[0].Attempts != 1 {
		t.Errorf("got %d attempts (%v), want 1", a.Effects[0].Attempts, err)
	}
}

// TestRevise changes a record from how it was last seen: as it is, changed by
// another one meanwhile, and where what was seen gives no reason to change it.
func TestRevise(t *testing.T) {
	store := &memory{}
	book := &ledger.Book{Store: store, Timeout: time.Second}
	next := func(a *ledger.Account) { a.Life.Seq++ }
	sight, other := ledger.Absent(), ledger.Sight{}
	for _, step := range []struct {
		what   string
		sight  *ledger.Sight
		change func(*ledger.Account)
		loads  int // in all
		want   uint64
	}{
		{"nothing is there", &sight, next, 0, 1},
		{"as it was left", &sight, next, 0, 2},
		{"not seen before", &other, next, 1, 3},
		{"another one changed it", &sight, next, 2, 4},
		{"seen since", &sight, next, 2, 5},
		{"another one changed it, and no change seems to be needed", &other, func(a *ledger.Account) { a.Life.Seq = max(a.Life.Seq, 3) }, 3, 5},
	} {
		if err := book.Revise(t.Context(), "k", step.sight, step.change); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if store.loads != step.loads {
			t.Errorf("%s: got %d loads so far, want %d", step.what, store.loads, step.loads)
		}
		if a, _ := book.Read(t.Context(), "k"); a.Life.Seq != step.want {
			t.Errorf("%s: got %d, want %d", step.what, a.Life.Seq, step.want)
		}
		store.loads-- // of the look just now
	}
}

func TestChangeSavesNothingWhereNothingChanged(t *testing.T) {
	store := &memory{}
	book := &ledger.Book{Store: store, Timeout: time.Second}
	touch := func(a *ledger.Account) { a.UserID = "u1" }
	for range 2 {
		if err := book.Change(t.Context(), "k", touch); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := store.saves, 1; got != want {
		t.Errorf("got %d saves, want %d", got, want)
	}
}

func TestChangeRefusesWhatIsNotARecord(t *testing.T) {
	store := &memory{record: []byte("[]"), revision: 1}
	book := &ledger.Book{Store: store, Timeout: time.Second}
	if err := book.Change(t.Context(), "k", func(*ledger.Account) {}); err == nil {
		t.Error("got no error")
	}
}
