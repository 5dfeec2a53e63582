package worker

import (
	"slices"
	"sync"
)

// queue runs tasks: those of one record one after the other in the order of
// their events, all others beside each other, as many as there are slots. Whoever
// has a slot goes on with it from task to task: a goroutine for each would have to
// grow its stack anew.
type queue struct {
	tasks sync.WaitGroup

	mu      sync.Mutex
	free    int              // slots that nobody has; none where something is ready
	waiting map[string][]job // by record; one with an entry is ready, or has a task at work
	ready   []string         // records with a task whose turn it is, first come first served
	again   []chan struct{}  // tasks that gave their slot back and want one again
	closed  bool
}

// job is a task with what is done to it: work, or back where it is given back unused.
type job struct {
	*task
	work func(*task, slot)
	back func(*task)
}

func newQueue(slots int) *queue {
	return &queue{free: slots, waiting: map[string][]job{}}
}

// put runs work on t when its turn has come. Where its tenure is over by then, or
// the queue closed, t is given back unused.
func (q *queue) put(t *task, work func(*task, slot), back func(*task)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		back(t)
		return
	}
	list, busy := q.waiting[t.record]
	at, _ := slices.BinarySearchFunc(list, t, func(j job, t *task) int { return j.order.Compare(t.order) })
	q.waiting[t.record] = slices.Insert(list, at, job{t, work, back})
	if busy {
		return
	}
	q.ready = append(q.ready, t.record)
	if q.free > 0 {
		q.free--
		q.tasks.Go(q.run)
	}
}

// run works with one slot, until there is nothing left to do with it.
func (q *queue) run() {
	for {
		j, over, ok := q.next()
		switch {
		case !ok:
			return
		case over || j.tenure.isOver():
			j.back(j.task)
		default:
			j.work(j.task, slot{q})
		}
		q.done(j.record)
	}
}

// next takes the first task of the record whose turn it is. Which that is, is
// known only now: an older one may have come meanwhile. over tells whether the
// queue is closed. Where there is none, or the slot goes to one that had it
// before, ok is false.
func (q *queue) next() (j job, over, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.again) > 0 || len(q.ready) == 0 {
		q.leave()
		return j, q.closed, false
	}
	record := q.ready[0]
	q.ready = q.ready[1:]
	list := q.waiting[record]
	q.waiting[record] = list[1:]
	return list[0], q.closed, true
}

// leave gives a slot to whoever wants it first.
func (q *queue) leave() {
	switch {
	case len(q.again) > 0:
		close(q.again[0])
		q.again = q.again[1:]
	case len(q.ready) > 0:
		q.tasks.Go(q.run)
	default:
		q.free++
	}
}

// done lets the next task of a record have its turn.
func (q *queue) done(record string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting[record]) == 0 {
		delete(q.waiting, record)
		return
	}
	q.ready = append(q.ready, record)
}

// close gives back what has not begun, and waits for what has.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.tasks.Wait()
}

// slot is the right to work, which a task gives back while it only waits.
type slot struct{ queue *queue }

func (s slot) free() {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	s.queue.leave()
}

func (s slot) take() {
	q := s.queue
	q.mu.Lock()
	if q.free > 0 {
		q.free--
		q.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	q.again = append(q.again, turn)
	q.mu.Unlock()
	<-turn
}
