package fairness

import (
	"container/list"
	"sync"
	"time"
)

// Scheduler runs the work at one vendor in slots, by class. Each process has one Scheduler per
// vendor, so that the slots bound all effects at work at the vendor in the process. Scheduler is
// safe for concurrent use.
type Scheduler struct {
	mu     sync.Mutex
	slots  *Slots
	queues [Classes]list.List // of *Work
}

// Work is a piece of work that can be submitted repeatedly.
type Work struct {
	run func(Class)

	// Under the lock of the Scheduler:
	class   Class
	since   time.Time     // in the queue
	element *list.Element // nil unless the work waits
}

// NewWork returns work that calls run with the class of the slot.
func NewWork(run func(Class)) *Work { return &Work{run: run} }

// NewScheduler returns a Scheduler of total slots. A total below one counts as one.
func NewScheduler(total int) *Scheduler { return &Scheduler{slots: NewSlots(total)} }

// Submit queues work for a slot of a class and does not wait. Waiting work is not queued twice, but
// moves to the earlier of both classes. Running work may be submitted for a further run, which
// may begin before the end of the present run.
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

// work runs admitted work until no work can be admitted. A goroutine for each piece of work would
// have to grow a new stack.
func (s *Scheduler) work(a admission) {
	for ok := true; ok; {
		a.work.run(a.class)
		a, ok = s.next(a.class)
	}
}

// next returns the slot of a class and admits the next work. Before, no work could be admitted, so
// the end of one slot admits one piece of work at most.
func (s *Scheduler) next(ended Class) (admission, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slots.End(ended)
	return s.admit()
}

// admit takes a slot for the next work. The caller holds the lock.
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
