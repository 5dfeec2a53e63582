package index

import (
	"slices"
	"sync"
	"time"
)

const (
	// fresh is the number of fingerprints in a map before they become a run.
	fresh = 32 << 10
	// slices of the memory's time bound the span of a run. A run is forgotten as a whole, so an
	// activity is known for a sixteenth longer at most.
	sixteenths = 16
)

// Index is a set of fingerprints. A fingerprint is forgotten after the time of the memory, and a
// sixteenth of it later at most. The methods may be called concurrently.
type Index struct {
	memory time.Duration

	mu          sync.RWMutex
	runs        []*Run // the oldest first
	fresh       map[Fingerprint]struct{}
	first, last time.Time // of fresh
}

// New returns an empty index.
func New(memory time.Duration) *Index {
	return &Index{memory: memory, fresh: map[Fingerprint]struct{}{}}
}

// Has reports whether the index has a fingerprint.
func (x *Index) Has(f Fingerprint) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if _, ok := x.fresh[f]; ok {
		return true
	}
	for _, r := range slices.Backward(x.runs) { // most repeats come soon
		if r.Has(f) {
			return true
		}
	}
	return false
}

// Add adds the fingerprint of something stored at a time.
func (x *Index) Add(f Fingerprint, at time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.fresh) == 0 {
		x.first, x.last = at, at
	}
	x.fresh[f] = struct{}{}
	x.first, x.last = earlier(x.first, at), later(x.last, at)
	if len(x.fresh) >= fresh {
		x.seal()
	}
}

// AddRun adds a run, which the caller must not use any more. Runs come in the order of time.
func (x *Index) AddRun(r *Run) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r.Len() > 0 {
		x.push(r)
	}
}

// seal makes a run of the fresh fingerprints.
func (x *Index) seal() {
	list := make([]Fingerprint, 0, len(x.fresh))
	for f := range x.fresh {
		list = append(list, f)
	}
	clear(x.fresh)
	x.push(NewRun(list, x.first, x.last))
}

// push appends a run. Neighbours of similar size become one run while their span allows, and a
// span that is over becomes one run. So there are few runs, and each fingerprint is copied
// a few times only.
func (x *Index) push(r *Run) {
	x.runs = append(x.runs, r)
	if n := len(x.runs); n > 1 && !x.fit(n-2) {
		x.join(n-1, func(int) bool { return true })
	}
	x.join(len(x.runs), func(i int) bool { return x.runs[i].Len() < 2*x.runs[i+1].Len() })
}

// join merges the last two of the first n runs, as long as they fit into one span and also allows.
func (x *Index) join(n int, also func(int) bool) {
	for i := n - 2; i >= 0 && x.fit(i) && also(i); i-- {
		a, b := x.runs[i], x.runs[i+1]
		x.runs[i] = merge(a, b)
		x.runs = slices.Delete(x.runs, i+1, i+2)
		a.release()
		b.release()
	}
}

// fit reports whether run i and the next fit into one span.
func (x *Index) fit(i int) bool {
	a, b := x.runs[i], x.runs[i+1]
	return later(a.Last, b.Last).Sub(earlier(a.First, b.First)) <= x.memory/sixteenths
}

// Forget drops the runs whose last fingerprint is older than the memory.
func (x *Index) Forget(now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	old := func(last time.Time) bool { return now.Sub(last) > x.memory }
	x.runs = slices.DeleteFunc(x.runs, func(r *Run) bool {
		gone := old(r.Last)
		if gone {
			r.release()
		}
		return gone
	})
	switch {
	case len(x.fresh) == 0:
	case old(x.last):
		clear(x.fresh)
	case now.Sub(x.first) > x.memory/sixteenths:
		x.seal() // so that a slow stream is forgotten in time
	}
}

// Len returns the number of fingerprints, and bytes the memory of the runs.
func (x *Index) Len() (n, bytes int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, r := range x.runs {
		n += r.Len()
		bytes += r.Bytes()
	}
	return n + len(x.fresh), bytes
}

// Runs returns the number of runs.
func (x *Index) Runs() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.runs)
}
