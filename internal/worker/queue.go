package worker

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// queue runs tasks: those of one record one after the other in the order of
// their events, all others beside each other, as many as there are slots.
type queue struct {
	slots  chan struct{}
	tasks  sync.WaitGroup
	ending chan struct{} // closed by close

	mu      sync.Mutex
	waiting map[string][]*task // by record; a record with an entry has a task at work
	closed  bool
	settled time.Time // nothing of a pinned lane begins before
}

func newQueue(slots int) *queue {
	return &queue{slots: make(chan struct{}, slots), ending: make(chan struct{}), waiting: map[string][]*task{}}
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
	q.tasks.Go(func() { q.run(t.record, t.place.Pin != "", work, back) })
}

func byOrder(a, b *task) int {
	return cmp.Or(cmp.Compare(a.order.Epoch, b.order.Epoch), cmp.Compare(a.order.Seq, b.order.Seq))
}

// run works on all that queues up for a record. Which task is next is known only
// once there is a slot: an older one may have come meanwhile.
func (q *queue) run(record string, pinned bool, work func(*task, slot), back func(*task)) {
	for more := true; more; {
		s := slot(q.slots)
		if pinned {
			q.settle()
		}
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

// hold lets nothing of a pinned lane begin for a while.
func (q *queue) hold(span time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settled = time.Now().Add(span)
}

// unsettled is how long nothing of a pinned lane begins.
func (q *queue) unsettled() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return max(0, time.Until(q.settled))
}

// settle waits until tasks of a pinned lane may begin, or the queue is closed.
func (q *queue) settle() {
	for left := q.unsettled(); left > 0; left = q.unsettled() {
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-q.ending:
			timer.Stop()
			return
		}
	}
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
	close(q.ending)
	q.mu.Unlock()
	q.tasks.Wait()
}

// slot is the right to work, which a task gives back while it only waits.
type slot chan struct{}

func (s slot) take() { s <- struct{}{} }
func (s slot) free() { <-s }
