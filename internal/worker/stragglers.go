package worker

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
)

// stragglers are the effects on whole accounts (creations, updates, deletions and
// restorations) that were delivered on a pinned lane and that the ledger may not
// know: the process that had them died, or gave them back, or they were lost on the
// way. They come again, but later than newer events of the same users. A newer one
// takes them along to the ledger, and so waits for them there; all other users go
// on at once.
//
// Where every delivery came here, in the order in which the server counts them,
// nothing is missing. Where one did not, the stream itself says what it was.
type stragglers struct {
	mu     sync.Mutex
	last   bus.Place    // of the last delivery that came here
	read   ledger.Order // up to here every delivery came here, or was looked up in the stream
	byUser map[string][]straggler
}

// straggler is one of them, by the key of its record.
type straggler struct {
	ledger.Straggler
	since time.Time // when it became one
}

func newStragglers() *stragglers { return &stragglers{byUser: map[string][]straggler{}} }

// follows tells whether at is the delivery after the last one that came here, or
// the first that there ever was.
func (s *stragglers) follows(at bus.Place) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return at.Turn == 1 || at.Pin == s.last.Pin && at.Turn == s.last.Turn+1 && at.Epoch == s.last.Epoch
}

// unread is from where on the stream has to be read.
func (s *stragglers) unread(at bus.Place) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read.Epoch != at.Epoch {
		return 0
	}
	return s.read.Seq
}

// came notes that all up to at is known, and in the stream all up to seq.
func (s *stragglers) came(at bus.Place, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = at
	if next := (ledger.Order{Epoch: at.Epoch, Seq: max(seq, at.Seq)}); s.read.Before(next) {
		s.read = next
	}
}

// add makes a straggler of t, unless it is nothing that others wait for.
func (s *stragglers) add(t *task) {
	if t.place.Pin == "" || t.invalid != nil || t.plan.Skip || !t.handler.Scope.WholeAccount() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one := straggler{ledger.Straggler{Key: t.key, Type: t.kind, Scope: t.handler.Scope, Carrier: t.carrier()}, time.Now()}
	list := s.byUser[t.record]
	at, known := slices.BinarySearchFunc(list, one, func(a, b straggler) int { return a.Compare(b.Order) })
	if !known {
		s.byUser[t.record] = slices.Insert(list, at, one)
	}
}

// before returns those that t has to wait for. What became one longer than keep
// ago may have come and be forgotten again.
func (s *stragglers) before(t *task, keep time.Duration) (list []ledger.Straggler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.byUser[t.record] {
		if one.Before(t.order) && time.Since(one.since) < keep {
			list = append(list, one.Straggler)
		}
	}
	return list
}

// sweep forgets what became one longer than keep ago.
func (s *stragglers) sweep(keep time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for record, list := range s.byUser {
		list = slices.DeleteFunc(list, func(one straggler) bool { return time.Since(one.since) >= keep })
		if s.byUser[record] = list; len(list) == 0 {
			delete(s.byUser, record)
		}
	}
}

// registered forgets t and those before it: the ledger has them.
func (s *stragglers) registered(t *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := slices.DeleteFunc(s.byUser[t.record], func(one straggler) bool { return one.Before(t.order) || one.Key == t.key })
	if len(left) == 0 {
		delete(s.byUser, t.record)
		return
	}
	s.byUser[t.record] = left
}

// catchUp sees to it that every older delivery of a pinned lane came here or is
// among the stragglers, before a message is taken.
func (w *Worker) catchUp(ctx context.Context, lane Lane, at bus.Place) error {
	if at.Pin == "" {
		return nil
	}
	if w.stragglers.follows(at) {
		w.stragglers.came(at, 0)
		return nil
	}
	upTo, err := lane.Delivered(ctx, w.stragglers.unread(at), func(m Message) {
		if !w.handlers[w.kind(m.Subject())].Scope.WholeAccount() {
			return
		}
		t := w.read(m)
		t.place.Pin = at.Pin
		w.stragglers.add(t)
	})
	if err != nil {
		return fmt.Errorf("what others had of this lane is not known yet: %w", err)
	}
	w.stragglers.came(at, upTo)
	w.stragglers.sweep(w.config.Keep)
	return nil
}
