package fairness

import (
	"sync"
	"time"
)

// shareSettles is the time after which every process is taken to know a change of the
// number of processes. A process raises its own rate only then.
const shareSettles = 3 * time.Second

// Share gives one process its part of a vendor's rate: the rate divided by the number of
// live processes. A part that shrinks counts at once. A part that grows counts three
// seconds later, so that the other processes have lowered their own parts before.
// Therefore all processes together keep to the rate, as long as each hears of a change
// within three seconds. A process that starts beside others makes no call for these three
// seconds; a process that starts alone begins at once. Share is safe for concurrent use.
type Share struct {
	pacer *Pacer

	mu        sync.Mutex
	rate      float64 // of the vendor, in calls a second; zero or below is no limit
	processes int     // zero until SetProcesses
}

// NewShare returns a Share that sets the rate of pacer. rate is the vendor's rate over all
// processes, in calls a second; zero or below means no limit, for any number of
// processes. With a limit no call passes until SetProcesses.
func NewShare(pacer *Pacer, rate float64) *Share {
	s := &Share{pacer: pacer, rate: rate}
	if rate > 0 {
		pacer.hold()
	} else {
		pacer.SetRate(0)
	}
	return s
}

// SetProcesses sets the number of live processes, this one included. A number below one
// counts as one.
func (s *Share) SetProcesses(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = max(1, n)
	if n == s.processes || s.rate <= 0 {
		s.processes = n
		return
	}
	delay := shareSettles
	if n == 1 && s.processes == 0 {
		delay = 0
	}
	s.processes = n
	s.pacer.setRateSafely(s.rate/float64(n), delay)
}

// Processes returns the number of live processes as last set; zero before.
func (s *Share) Processes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.processes
}
