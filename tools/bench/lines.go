package bench

import (
	"context"
	"sync"
)

// lines gives the bare loop's work its turns: so many at a time and, where order
// matters, one user's after one another.
type lines struct {
	ordered bool
	slots   chan struct{}
	held    chan struct{} // what waits behind the same user's takes no slot, but room
	working sync.WaitGroup

	mu      sync.Mutex
	waiting map[string][]func()
}

func newLines(slots int, ordered bool) *lines {
	return &lines{ordered: ordered, slots: make(chan struct{}, slots), held: make(chan struct{}, 8*slots), waiting: map[string][]func(){}}
}

// put runs work when its turn comes; it waits itself while there is no room.
func (l *lines) put(ctx context.Context, user string, work func()) {
	room := l.slots
	if l.ordered {
		room = l.held
	}
	select {
	case <-ctx.Done():
		return
	case room <- struct{}{}:
	}
	if !l.ordered {
		l.working.Go(func() { work(); <-l.slots })
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	list, busy := l.waiting[user]
	l.waiting[user] = append(list, work)
	if !busy {
		l.working.Go(func() { l.run(user) })
	}
}

// run does all that is in line for a user.
func (l *lines) run(user string) {
	for work := l.next(user); work != nil; work = l.next(user) {
		l.slots <- struct{}{}
		work()
		<-l.slots
		<-l.held
	}
}

func (l *lines) next(user string) func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.waiting[user]
	if len(list) == 0 {
		delete(l.waiting, user)
		return nil
	}
	l.waiting[user] = list[1:]
	return list[0]
}

// close waits for all that has begun.
func (l *lines) close() { l.working.Wait() }
