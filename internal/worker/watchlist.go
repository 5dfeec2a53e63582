package worker

import (
	"sync"
	"time"
)

// watchlist is effects that this worker has not brought to an end, by the key of
// their event.
type watchlist struct {
	mu    sync.Mutex
	byKey map[string]watched
}

type watched struct {
	since time.Time
	until time.Time // by then it has come again, here or at another process
}

func newWatchlist() *watchlist { return &watchlist{byKey: map[string]watched{}} }

// add notes an effect, as it is since then. One that is noted already keeps its
// first time.
func (l *watchlist) add(key string, since, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one, ok := l.byKey[key]; ok {
		since = one.since
	}
	l.byKey[key] = watched{since: since, until: until}
}

func (l *watchlist) remove(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byKey, key)
}

// oldest returns how many there are, and since when the oldest is one.
func (l *watchlist) oldest() (n int, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, one := range l.byKey {
		if time.Now().After(one.until) {
			delete(l.byKey, key)
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

// Retries returns how many effects have failed and wait to be tried again, and
// when the oldest of them was first tried.
func (w *Worker) Retries() (n int, since time.Time) { return w.retries.oldest() }

// Held tells whether the vendor is on hold.
func (w *Worker) Held() bool { return !w.gate.isOpen() }
