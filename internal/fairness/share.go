package fairness

import (
	"slices"
	"sync"
	"time"
)

const (
	// ShareValid is the time for which a process may use its part of the rate after it has
	// announced itself. It is shorter than the life of the announcement.
	ShareValid = 4 * time.Second
	// shareSettles is the time after which a part that has grown is used. It is twice
	// ShareValid, so that even if the processes hear of several changes at different times,
	// there is one state of the fleet in force that all of them have respected.
	shareSettles = 2 * ShareValid
	// shareIdle is the part of the rate for all processes without demand together, as long as
	// others have demand.
	shareIdle = 1.0 / 10
)

// Fleet is what a process knows of the processes that serve a vendor, itself included.
type Fleet struct {
	Processes int
	Busy      int       // processes with demand
	SelfBusy  bool      // this process is one of these
	Announced time.Time // the time just before this process announced itself, before it looked
}

// Share gives one process its part of a vendor's rate. All processes with demand have equal
// parts, and so have all without: these share a tenth of the rate, or all of it if no process
// has demand. A process in a fleet of one has the whole rate at once.
//
// A part that shrinks counts at once. A part that grows counts once it has been no smaller
// for eight seconds, so that the other processes have lowered their own parts before. A
// process that cannot announce itself for four seconds makes no call, nor does one that
// starts beside others for the first eight seconds. So all processes together keep to the
// rate, whenever the news reaches them. Share is safe for concurrent use.
type Share struct {
	pacer *Pacer
	rate  float64 // of the vendor over all processes, in calls a second; zero or below is no limit

	mu        sync.Mutex
	processes int       // as of the last Update
	part      float64   // as of the last Update
	until     time.Time // the end of the last part's validity
	former    []step    // smaller parts that were in force, each with the time at which it no longer counts
	busy      bool      // the demand as last reported
	changed   time.Time // of busy
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
	if !now.Before(s.until) { // as a process that starts now
		last = 0
	}
	s.part, s.until = s.partOf(f), f.Announced.Add(ShareValid)
	if last < s.part {
		s.forget(func(p step) bool { return p.rate >= last })
		s.former = append(s.former, step{at: now.Add(shareSettles), rate: last})
	}
	s.forget(func(p step) bool { return f.Processes <= 1 || p.rate >= s.part || !now.Before(p.at) })
	rate, plan := s.plan(now)
	s.pacer.change(func(time.Time) { s.pacer.limiter.set(rate, plan...) })
}

func (s *Share) forget(which func(step) bool) { s.former = slices.DeleteFunc(s.former, which) }

// plan returns the rate from now on, the raises to come, and the end of the validity. The
// smallest former part comes first: each counts longer than those before.
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
// in ten seconds at most, so that every process hears of it.
func (s *Share) Demand() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if busy := s.isBusy(now); busy != s.busy && now.Sub(s.changed) >= demandSpan {
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
