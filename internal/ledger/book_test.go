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
	saves    int
	lose     int // so many saves lose their answer
}

func (s *memory) Load(context.Context, string) ([]byte, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record, s.revision, nil
}

func (s *memory) Save(_ context.Context, _ string, record []byte, revision uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if revision != s.revision {
		return ledger.ErrConflict
	}
	s.record, s.revision = record, revision+1
	s.saves++
	if s.lose > 0 {
		s.lose--
		return errors.New("no answer in time")
	}
	return nil
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
