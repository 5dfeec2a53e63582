package mailbox

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// failureLogEvery is the time between two log lines about steps that NATS failed.
const failureLogEvery = time.Minute

// Failures counts the steps that NATS failed for a vendor, and logs the first, and then one
// line a minute. The zero value is ready.
type Failures struct {
	Each func() // called for each failure; may be nil

	mu        sync.Mutex
	total     uint64
	unlogged  int
	logged    time.Time
	isFailing bool
}

// failed accounts for a step that NATS failed, and logs it unless a line was logged lately.
func (f *Failures) failed(log zerolog.Logger, vendor string, err error) {
	f.mu.Lock()
	f.total, f.unlogged, f.isFailing = f.total+1, f.unlogged+1, true
	count, now := f.unlogged, time.Now()
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

// succeeded accounts for a turn without a failure.
func (f *Failures) succeeded() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.isFailing = false
}

// Total returns the number of steps that failed.
func (f *Failures) Total() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.total
}

// Failing reports whether the last turn failed.
func (f *Failures) Failing() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.isFailing
}
