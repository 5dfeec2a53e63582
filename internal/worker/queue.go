package worker

import (
	"cmp"
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

// put runs work on t when its turn has come. After close it gives t back unused.
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
	q.waiting[t.record] = nil
	q.tasks.Go(func() { q.run(t, work, back) })
}

func byOrder(a, b *task) int {
	return cmp.Or(cmp.Compare(a.order.Epoch, b.order.Epoch), cmp.Compare(a.order.Seq, b.order.Seq))
}

// run works on t and on all that queue up behind it.
func (q *queue) run(t *task, work func(*task, slot), back func(*task)) {
	for t != nil {
		s := slot(q.slots)
		s.take()
		if q.isClosed() {
			back(t)
		} else {
			work(t, s)
		}
		s.free()
		t = q.next(t.record)
	}
}

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
