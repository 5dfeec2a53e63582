package activity

import (
	"context"
	"errors"
	"slices"
	"time"

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
	err := w.deps.Attempts.CarryOut(w.phases, mailbox.Delivery{
		Event: i.event, Again: i.again, Ordered: w.config.Ordered, Taken: i.taken, Until: func() time.Time { return w.until(i) },
	})
	if w.config.Ordered && w.keep(u, i, err) {
		return
	}
	w.settle(i, err)
	w.ended(u)
}

// until returns the time before which no other process can have a message.
func (w *Worker) until(i *item) time.Time {
	own, until := w.deps.Until(), w.hand.surely(i)
	if own.Before(until) {
		return own
	}
	return until
}

// keep keeps a message in front of the later ones of the user, if the message may not begin now or
// NATS has failed a step. Reports whether the message is kept.
func (w *Worker) keep(u *user, i *item, err error) bool {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, mailbox.ErrNotMine):
		return false
	case !errors.Is(err, mailbox.ErrClosed):
		i.again = true
		i.taken = time.Now()
		w.deps.Failures.Failed(w.deps.Log, w.config.Vendor, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		w.hand.drop(i)
		return true
	}
	u.waiting = slices.Insert(u.waiting, 0, i)
	w.kept = append(w.kept, u)
	return true
}

// halt ends the worker: a message may have come to another process, and no later one of the user
// may begin before.
func (w *Worker) halt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.halted = true
	w.stop()
}

// resume lets the users with a kept message have a turn again.
func (w *Worker) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.kept {
		w.deps.Scheduler.Submit(fairness.Activity, u.work)
	}
	w.kept = nil
}

// next takes the first message of a user; nil at the end of the worker.
func (w *Worker) next(u *user) *item {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.halted {
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
	case w.closed, w.halted:
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

// giveBack lets another process have a waiting message. In order, the next owner takes all
// messages without an ack again.
func (w *Worker) giveBack(i *item) {
	w.hand.drop(i)
	if !w.config.Ordered {
		_ = i.message.Nak(0) // a lost one only comes later
	}
}
