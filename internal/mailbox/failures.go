package mailbox

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// failureLogEvery is the time between two log lines about steps that NATS failed.
const failureLogEvery = time.Minute

// failingFor is the time for which a failure counts as present without a further failure. A step
// of a mailbox is repeated within seconds. Another process may repeat a first attempt.
const failingFor = time.Minute

// Failures counts the steps that NATS failed for a vendor, and logs the first, and then a line
// each minute. The zero value is ready.
type Failures struct {
	Each func() // called for each failure; may be nil

	mu       sync.Mutex
	total    uint64
	unlogged int
	logged   time.Time
	last     time.Time // of a failure without a success since
}

// Failed counts a step that NATS failed, and logs the step unless a line was logged lately.
func (f *Failures) Failed(log zerolog.Logger, vendor string, err error) {
	now := time.Now()
	f.mu.Lock()
	f.total++
	f.unlogged++
	f.last = now
	count := f.unlogged
	silent := !f.logged.IsZero() && now.Sub(f.logged) < failureLogEvery
	if !silent {
		f.logged, f.unlogged = now, 0
	}
	f.mu.Unlock()
	if f.Each != nil {
		f.Each()
	}
	if !silent {
		log.Warn().Err(err).Str("vendor", vendor).Int("failures", count).Msg("a step failed, trying again")
	}
}

// Succeeded accounts for a turn or a first attempt without a failure.
func (f *Failures) Succeeded() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = time.Time{}
}

// Total returns the number of failed steps.
func (f *Failures) Total() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.total
}

// Failing reports whether the last turn or first attempt failed, within the last minute.
func (f *Failures) Failing() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.last.IsZero() && time.Since(f.last) < failingFor
}
