package worker

import (
	"sync"
	"time"
)

// unknowns are the effects of which this worker does not know whether the vendor
// made the change: they are asked about when they come again.
type unknowns struct {
	mu    sync.Mutex
	byKey map[string]unknown
}

type unknown struct {
	since time.Time
	until time.Time // by then it has come again, here or at another process
}

func newUnknowns() *unknowns { return &unknowns{byKey: map[string]unknown{}} }

func (u *unknowns) add(key string, until time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	one, ok := u.byKey[key]
	if !ok {
		one.since = time.Now()
	}
	one.until = until
	u.byKey[key] = one
}

func (u *unknowns) settled(key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.byKey, key)
}

// oldest returns how many there are, and since when the oldest is not known.
func (u *unknowns) oldest() (n int, since time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for key, one := range u.byKey {
		if time.Now().After(one.until) {
			delete(u.byKey, key)
			continue
		}
		if n++; since.IsZero() || one.since.Before(since) {
			since = one.since
		}
	}
	return n, since
}

// Unknown returns of how many effects it is not known whether the vendor made the
// change, and since when of the oldest of them.
func (w *Worker) Unknown() (n int, since time.Time) { return w.unknown.oldest() }

// Held tells whether the vendor is on hold.
func (w *Worker) Held() bool { return !w.gate.isOpen() }
