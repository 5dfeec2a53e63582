package activity

import (
	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox"
)

// user holds the waiting messages of one user. One at a time has a slot, or waits for a slot.
type user struct {
	id      string
	work    *fairness.Work
	waiting []*item
}

// accept queues a message behind earlier messages of the user.
func (w *Worker) accept(i *item) {
	i.event = w.deps.Attempts.Read(i.message.Event())
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		w.giveBack(i)
		return
	}
	defer w.mu.Unlock()
	u := w.users[i.event.Plan.UserID]
	if u != nil {
		u.waiting = append(u.waiting, i)
		return
	}
	u = &user{id: i.event.Plan.UserID, waiting: []*item{i}}
	u.work = fairness.NewWork(func(fairness.Class) { w.work(u) })
	w.users[u.id] = u
	w.deps.Scheduler.Submit(fairness.Activity, u.work)
}

// work carries out the first message of a user, in a slot.
func (w *Worker) work(u *user) {
	i := w.next(u)
	if i == nil {
		return
	}
	defer w.running.Done()
	w.settle(i, w.deps.Attempts.CarryOut(w.phases, mailbox.Delivery{
		Event: i.event, Again: i.message.Again(), Mine: func() bool { return w.hand.isFresh(i) },
	}))
	w.ended(u)
}

// next takes the first message of a user; nil at the end of the worker.
func (w *Worker) next(u *user) *item {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	i := u.waiting[0]
	u.waiting = u.waiting[1:]
	w.running.Add(1)
	return i
}

// ended lets the next message of a user have a turn.
func (w *Worker) ended(u *user) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
	case len(u.waiting) == 0:
		delete(w.users, u.id)
	default:
		w.deps.Scheduler.Submit(fairness.Activity, u.work)
	}
}

// close gives back the waiting messages.
func (w *Worker) close() {
	w.mu.Lock()
	users := w.users
	w.closed, w.users = true, nil
	w.mu.Unlock()
	for _, u := range users {
		for _, i := range u.waiting {
			w.giveBack(i)
		}
	}
}

// giveBack lets another process have a waiting message.
func (w *Worker) giveBack(i *item) {
	w.hand.drop(i)
	_ = i.message.Nak(0) // a lost one only comes later
}
