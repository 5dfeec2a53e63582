package mailbox

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// user is the mailbox of a user in this process.
type user struct {
	key  string         // of the record
	slot *fairness.Work // runs a turn

	// Under the lock of the queue:
	arrivals []*arrival
	woken    *wake // by the timer; nil: not
	class    Class
	queued   bool
	busy     bool
	paused   bool          // after a failure of NATS
	again    bool          // there is new work for the turn after this one, or after the pause
	idle     *list.Element // of the idle users; nil: not idle
	idleSize int

	waiting atomic.Int64 // bytes of arrivals

	// Of the turn:
	stored    stored
	met       bool         // the record was read, or assumed to be a new one
	goneOn    int          // turns that left no timer, one after the other
	endNet    func()       // of the net under a turn that left no timer; nil: none
	profile   *seenProfile // with rules
	timer     timer
	published map[effectID]bool           // finished effects of the record with published results
	noAccount time.Time                   // of the last look-up without an account
	failures  int                         // of NATS, one after the other
	missed    map[effectID]record.Outcome // of overdue effects with stored dead letters
	letters   map[effectID]letter         // see publisher
}

// timer is the earliest timer of a user in this ownership that has not fired.
type timer struct {
	due        time.Time // zero: none
	generation uint64
}

// timers sets the timers of users.
type timers struct {
	Timers
	generation atomic.Uint64 // timers of an earlier generation may be lost
}

// arm sets the timer of a user, unless an earlier timer is set.
func (t *timers) arm(ctx context.Context, u *user, due time.Time) error {
	generation := t.generation.Load()
	if u.timer.generation == generation && !u.timer.due.IsZero() && !due.Before(u.timer.due) {
		return nil
	}
	if err := t.Arm(ctx, u.key, due); err != nil {
		return err
	}
	u.timer = timer{due, generation}
	return nil
}

// effectID names an effect of a record.
type effectID struct {
	key    record.Key
	replay int
}

func idOf(e *record.Effect) effectID { return effectID{e.Key, e.Replay} }

// work is the work of a turn.
type work struct {
	class    Class
	arrivals []*arrival
	wake     *wake // nil: none
}

// remainder is the work after a turn.
type remainder struct {
	work
	again bool          // the mailbox needs a further turn
	pause time.Duration // before the further turn
}

// wake is a wake in hand. A nil wake is none.
type wake struct {
	ack    func()
	inHand *atomic.Int64
}

func (w *wake) acknowledge() {
	if w != nil {
		w.inHand.Add(-1)
		w.ack()
	}
}

// drop gives a wake up in favour of another wake of the user.
func (w *wake) drop() {
	if w != nil {
		w.inHand.Add(-1)
	}
}

// WakeClass returns the class of the wakes of a mailbox.
func WakeClass(userKey string) Class {
	if record.IsActivityKey(userKey) {
		return Activity
	}
	return Wake
}

// queue holds the mailboxes, and lets each with work have turns, one at a time.
type queue struct {
	scheduler *fairness.Scheduler
	turn      func(*user, work) remainder
	wakes     [fairness.Classes]atomic.Int64 // without an acknowledgement
	turns     sync.WaitGroup

	mu     sync.Mutex
	opened bool
	early  []*user // with work from before the queue was opened
	users  map[string]*user
	idle   idleUsers
}

func newQueue(s *fairness.Scheduler, turn func(*user, work) remainder) *queue {
	return &queue{scheduler: s, turn: turn, users: map[string]*user{}}
}

// deliver puts an arrival into a mailbox.
func (q *queue) deliver(key string, c Class, a *arrival) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.user(key)
	u.arrivals = append(u.arrivals, a)
	u.waiting.Add(a.size)
	q.enqueue(u, c)
}

// wake puts a wake into a mailbox. An earlier wake is given up: it is of the same message,
// delivered again, or of an older message of the same subject. Otherwise the wakes of one
// blocked user would fill the room of all.
func (q *queue) wake(key string, c Class, ack func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.user(key)
	u.woken.drop()
	q.wakes[c].Add(1)
	u.woken = &wake{ack: ack, inHand: &q.wakes[c]}
	q.enqueue(u, c)
}

// user returns a mailbox. The caller holds the lock.
func (q *queue) user(key string) *user {
	u := q.users[key]
	if u == nil {
		u = &user{key: key, published: map[effectID]bool{}, letters: map[effectID]letter{}}
		u.slot = fairness.NewWork(func(c Class) { q.run(u, c) })
		q.users[key] = u
	}
	q.idle.remove(u)
	return u
}

// enqueue lets a mailbox have a turn. A fresh event moves a waiting mailbox from the wakes to
// the fresh ones. The caller holds the lock.
func (q *queue) enqueue(u *user, c Class) {
	switch {
	case u.busy, u.paused:
		if !u.again || c < u.class {
			u.class = c
		}
		u.again = true
		return
	case u.queued && u.class <= c:
		return
	}
	early := !u.queued
	u.queued, u.class = true, c
	switch {
	case q.opened:
		q.scheduler.Submit(c, u.slot)
	case early:
		q.early = append(q.early, u)
	}
}

// run runs a turn of a mailbox in a slot of a class. A slot may come in vain: after the turn of
// the mailbox, or after the end of the queue.
func (q *queue) run(u *user, c Class) {
	q.mu.Lock()
	if !q.opened || !u.queued {
		q.mu.Unlock()
		return
	}
	u.queued, u.busy = false, true
	n := min(len(u.arrivals), turnArrivals)
	w := work{class: c, arrivals: u.arrivals[:n:n], wake: u.woken}
	u.arrivals, u.woken = u.arrivals[n:], nil
	u.waiting.Add(-sizeOf(w.arrivals))
	u.again = len(u.arrivals) > 0
	q.turns.Add(1)
	q.mu.Unlock()
	defer q.turns.Done()
	q.ended(u, q.turn(u, w))
}

// ended ends a turn of a mailbox. Later arrivals of the user stay behind the remainder.
func (q *queue) ended(u *user, r remainder) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u.arrivals = slices.Concat(r.arrivals, u.arrivals)
	u.waiting.Add(sizeOf(r.arrivals))
	if u.woken == nil {
		u.woken = r.wake
	} else { // a newer wake came
		r.wake.drop()
	}
	if r.again {
		q.enqueue(u, r.class)
	}
	u.busy = false
	if r.pause > 0 {
		u.paused = true
		time.AfterFunc(r.pause, func() { q.resume(u) })
		return
	}
	q.proceed(u)
}

// resume ends the pause of a mailbox.
func (q *queue) resume(u *user) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u.paused = false
	q.proceed(u)
}

// proceed lets a mailbox have a turn for the work since the last turn began, or keeps the
// mailbox as an idle one. The caller holds the lock.
func (q *queue) proceed(u *user) {
	if u.again {
		u.again = false
		q.enqueue(u, u.class)
		return
	}
	for _, key := range q.idle.add(u) {
		delete(q.users, key)
	}
}

// open lets the mailboxes have turns. Early mailboxes get the first turns.
func (q *queue) open() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.opened = true
	for _, u := range q.early {
		q.scheduler.Submit(u.class, u.slot)
	}
	q.early = nil
}

// close lets no further turn begin, and waits for the running ones.
func (q *queue) close() {
	q.mu.Lock()
	q.opened = false
	q.mu.Unlock()
	q.turns.Wait()
}

// The bounds of the idle mailboxes with records in memory.
const (
	mostIdle  = 4096
	idleBytes = 16 << 20
)

// idleUsers are the mailboxes without work, the oldest first.
type idleUsers struct {
	list  list.List
	bytes int
}

// add adds a mailbox with the record in memory, and returns the keys of the oldest mailboxes
// beyond the bounds, which are removed.
func (i *idleUsers) add(u *user) (over []string) {
	u.idle, u.idleSize = i.list.PushBack(u), len(u.stored.encoded)+u.profile.size()
	i.bytes += u.idleSize
	for i.list.Len() > mostIdle || i.bytes > idleBytes {
		oldest := i.list.Front().Value.(*user)
		i.remove(oldest)
		over = append(over, oldest.key)
	}
	return over
}

// remove removes a mailbox if the mailbox is idle.
func (i *idleUsers) remove(u *user) {
	if u.idle != nil {
		i.list.Remove(u.idle)
		i.bytes -= u.idleSize
		u.idle = nil
	}
}
