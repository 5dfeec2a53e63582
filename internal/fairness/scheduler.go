package fairness

import (
	"container/list"
	"sync"
	"time"
)

// Scheduler runs the work at one vendor in slots, by class. There is one Scheduler for a
// vendor and a process, so that the number of slots is the number of effects at work at the
// vendor in the process, whatever they come from. Scheduler is safe for concurrent use.
type Scheduler struct {
	mu     sync.Mutex
	slots  *Slots
	queues [Classes]list.List // of *Work
}

// Work is a piece of work that can be submitted again and again.
type Work struct {
	run func(Class)

	// Under the lock of the Scheduler:
	class   Class
	since   time.Time     // in the queue
	element *list.Element // nil unless the work waits
}

// NewWork returns work that run carries out. run gets the class that the slot was given for.
func NewWork(run func(Class)) *Work { return &Work{run: run} }

// NewScheduler returns a Scheduler of total slots. A total below one counts as one.
func NewScheduler(total int) *Scheduler { return &Scheduler{slots: NewSlots(total)} }

// Submit lets work run once a slot is free for its class; Submit does not wait. Waiting work
// that is submitted again is not doubled, and moves to the earlier one of both classes. Work
// that has begun to run may be submitted for a further run, which may begin before the end of
// the present one.
func (s *Scheduler) Submit(c Class, w *Work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.element != nil {
		if w.class <= c {
			return
		}
		s.queues[w.class].Remove(w.element)
	}
	w.class, w.since = c, time.Now()
	w.element = s.queues[c].PushBack(w)
	if next, ok := s.admit(); ok {
		go s.work(next)
	}
}

// Busy returns the number of slots in use, by class.
func (s *Scheduler) Busy() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slots.Busy()
}

// admission is work that has a slot of a class.
type admission struct {
	work  *Work
	class Class
}

// work runs work in one slot after the other, as long as there is some: a goroutine for
// each piece would grow its stack anew.
func (s *Scheduler) work(a admission) {
	for ok := true; ok; {
		a.work.run(a.class)
		a, ok = s.next(a.class)
	}
}

// next gives a slot back and takes one for the next work. Nothing else was to be had before,
// so that one slot is all that may be taken now.
func (s *Scheduler) next(ended Class) (admission, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slots.End(ended)
	return s.admit()
}

// admit takes a slot for the next work. Its caller holds the lock.
func (s *Scheduler) admit() (admission, bool) {
	waiting := Counts{}
	for c := range s.queues {
		waiting[c] = s.queues[c].Len()
	}
	freshFor := time.Duration(0)
	if oldest := s.queues[Fresh].Front(); oldest != nil {
		freshFor = time.Since(oldest.Value.(*Work).since)
	}
	c, ok := s.slots.Admit(waiting, freshFor)
	if !ok {
		return admission{}, false
	}
	w := s.queues[c].Remove(s.queues[c].Front()).(*Work)
	w.element = nil
	return admission{w, c}, true
}
