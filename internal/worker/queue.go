package worker

import (
	"slices"
	"sync"
)

// queue runs tasks: those of one record one after the other in the order of
// their events, all others beside each other, as many as there are slots.
type queue struct {
	slots chan struct{}
	tasks sync.WaitGroup

	mu      sync.Mutex
	waiting map[string][]*task // by record; a record with an entry has a task at work
	closed  bool
}

func newQueue(slots int) *queue {
	return &queue{slots: make(chan struct{}, slots), waiting: map[string][]*task{}}
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
	if busy {
		at, _ := slices.BinarySearchFunc(list, t, byOrder)
		q.waiting[t.record] = slices.Insert(list, at, t)
		return
	}
	q.waiting[t.record] = []*task{t}
	q.tasks.Go(func() { q.run(t.record, work, back) })
}

func byOrder(a, b *task) int { return a.order.Compare(b.order) }

// run works on all that queues up for a record. Which task is next is known only
// once there is a slot: an older one may have come meanwhile.
func (q *queue) run(record string, work func(*task, slot), back func(*task)) {
	for more := true; more; {
		s := slot(q.slots)
		s.take()
		t := q.next(record)
		switch {
		case t == nil:
			more = false
		case q.isClosed() || t.tenure.isOver():
			back(t)
		default:
			work(t, s)
		}
		s.free()
	}
}

// next takes the first of those that queue up for a record; nil where there are
// none left.
func (q *queue) next(record string) *task {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.waiting[record]
	if len(list) == 0 {
		delete(q.waiting, record)
		return nil
	}
	q.waiting[record] = list[1:]
	return list[0]
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// close gives back what has not begun, and waits for what has.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.tasks.Wait()
}

// slot is the right to work, which a task gives back while it only waits.
type slot chan struct{}

func (s slot) take() { s <- struct{}{} }
func (s slot) free() { <-s }
