package bench

import (
	"context"
	"sync"
)

// queues limits the concurrent work of the bare loop. With order, the work of one user runs
// sequentially.
type queues struct {
	ordered bool
	slots   chan struct{}
	room    chan struct{} // limits queued work: work behind other work of the same user has no slot
	working sync.WaitGroup

	mu      sync.Mutex
	waiting map[string][]func()
}

func newQueues(slots int, ordered bool) *queues {
	return &queues{ordered: ordered, slots: make(chan struct{}, slots), room: make(chan struct{}, 8*slots), waiting: map[string][]func(){}}
}

// put queues work for a user, and blocks while the queues are full.
func (q *queues) put(ctx context.Context, user string, work func()) {
	room := q.slots
	if q.ordered {
		room = q.room
	}
	select {
	case <-ctx.Done():
		return
	case room <- struct{}{}:
	}
	if !q.ordered {
		q.working.Go(func() { work(); <-q.slots })
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	list, busy := q.waiting[user]
	q.waiting[user] = append(list, work)
	if !busy {
		q.working.Go(func() { q.run(user) })
	}
}

// run does all queued work of a user.
func (q *queues) run(user string) {
	for work := q.next(user); work != nil; work = q.next(user) {
		q.slots <- struct{}{}
		work()
		<-q.slots
		<-q.room
	}
}

func (q *queues) next(user string) func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.waiting[user]
	if len(list) == 0 {
		delete(q.waiting, user)
		return nil
	}
	q.waiting[user] = list[1:]
	return list[0]
}

// close waits for all begun work.
func (q *queues) close() { q.working.Wait() }
