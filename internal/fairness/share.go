package fairness

import (
	"slices"
	"sync"
	"time"
)

const (
	// ShareValid is the time for which a process may use a part of the rate after an announcement.
	// ShareValid is shorter than the TTL of the announcement.
	ShareValid = 4 * time.Second
	// shareSettles is the delay before a larger part is used. A process reads the announcements after
	// its own, so whoever may call after ShareValid has seen the announcement behind the larger part.
	shareSettles = ShareValid
	// shareIdle is the part of the rate for all processes without demand together, while others
	// have demand.
	shareIdle = 1.0 / 10
)

// Fleet holds the processes of a vendor as seen by one process, including the process itself.
type Fleet struct {
	Processes int
	Busy      int       // processes with demand
	SelfBusy  bool      // whether this process has demand
	Announced time.Time // the time just before the announcement of this process
}

// Share gives one process a part of a vendor's rate. All processes with demand have equal parts.
// All processes without demand share a tenth of the rate, or the whole rate if no process has
// demand. A process in a fleet of one has the whole rate at once.
//
// A smaller part counts at once. A larger part counts after four seconds without a smaller part,
// when the other processes have lowered their parts. A process without a successful announcement
// for four seconds makes no call. A process that starts beside others makes no call for the first
// four seconds. A process with a new demand first keeps to the part it would have without the demand.
// So all processes together keep to the rate, however late the announcements arrive. Share is safe
// for concurrent use.
type Share struct {
	pacer *Pacer
	rate  float64 // of the vendor over all processes, in calls a second; zero or below is no limit

	mu        sync.Mutex
	processes int       // as of the last Update
	part      float64   // as of the last Update
	until     time.Time // the end of the last part's validity
	former    []step    // smaller parts in force before, each with an end time
	claimed   bool      // the demand as of the last Update
	busy      bool      // the demand as last reported
	changed   time.Time // time of the last change of busy
}

// NewShare returns a Share that sets the rate of pacer. With a limit no call passes until
// Update.
func NewShare(pacer *Pacer, rate float64) *Share {
	if rate > 0 {
		pacer.change(func(time.Time) { pacer.limiter.set(0) })
	} else {
		pacer.SetRate(0)
	}
	return &Share{pacer: pacer, rate: rate}
}

// Update sets the part of this process.
func (s *Share) Update(f Fleet) {
	if s.rate <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.processes = f.Processes
	last := s.part
	if !now.Before(s.until) { // like a process that starts now
		last = 0
	}
	s.part, s.until = s.partOf(f), f.Announced.Add(ShareValid)
	if f.SelfBusy && !s.claimed { // the others may not have seen the demand
		last = min(last, s.partOf(Fleet{Processes: f.Processes, Busy: f.Busy - 1}))
	}
	s.claimed = f.SelfBusy
	if last < s.part {
		s.forget(func(p step) bool { return p.rate >= last })
		s.former = append(s.former, step{at: now.Add(shareSettles), rate: last})
	}
	s.forget(func(p step) bool { return f.Processes <= 1 || p.rate >= s.part || !now.Before(p.at) })
	rate, plan := s.plan(now)
	s.pacer.change(func(time.Time) { s.pacer.limiter.set(rate, plan...) })
}

func (s *Share) forget(which func(step) bool) { s.former = slices.DeleteFunc(s.former, which) }

// plan returns the present rate, the coming raises, and the end of the validity. The smallest
// former part comes first: a larger part counts longer than a smaller part.
func (s *Share) plan(now time.Time) (rate float64, plan []step) {
	if !now.Before(s.until) {
		return 0, nil
	}
	rates := append(slices.Clone(s.former), step{rate: s.part})
	for i, p := range s.former {
		if p.at.Before(s.until) {
			plan = append(plan, step{at: p.at, rate: rates[i+1].rate})
		}
	}
	return rates[0].rate, append(plan, step{at: s.until})
}

// Demand reports whether this process has demand: within the last ten seconds a call has
// waited, or the calls have used more than half of an equal part. The demand changes once
// in four seconds at most, so that every process receives the change.
func (s *Share) Demand() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if busy := s.isBusy(now); busy != s.busy && now.Sub(s.changed) >= ShareValid {
		s.busy, s.changed = busy, now
	}
	return s.busy
}

func (s *Share) isBusy(now time.Time) bool {
	s.pacer.mu.Lock()
	defer s.pacer.mu.Unlock()
	return !s.pacer.waiters.isEmpty() || s.pacer.limiter.demand.isAbove(now, s.rate/float64(2*max(1, s.processes)))
}

// partOf returns the part of this process in a fleet.
func (s *Share) partOf(f Fleet) float64 {
	n := max(1, f.Processes)
	idle := n - f.Busy
	switch {
	case f.Busy <= 0 || idle <= 0:
		return s.rate / float64(n)
	case f.SelfBusy:
		return s.rate * (1 - shareIdle) / float64(f.Busy)
	default:
		return s.rate * shareIdle / float64(idle)
	}
}
