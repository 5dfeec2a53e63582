package telemetry

import (
	"sync"
	"time"
)

// exemplarEvery is the time between two exemplars of a bucket. A bucket shows one exemplar, and a scrape
// comes every few seconds: most exemplars would be replaced unseen.
const exemplarEvery = time.Second

// bucket is a bucket of the histogram of ages.
type bucket struct {
	vendor, typ string
	index       int
}

// exemplars has the times of the last exemplars.
type exemplars struct {
	mu   sync.Mutex
	last map[bucket]time.Time
}

// due reports whether a bucket gets an exemplar now, and notes the time.
func (x *exemplars) due(b bucket) bool {
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	if now.Sub(x.last[b]) < exemplarEvery {
		return false
	}
	if x.last == nil {
		x.last = map[bucket]time.Time{}
	}
	x.last[b] = now
	return true
}
