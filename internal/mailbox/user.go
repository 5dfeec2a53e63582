package mailbox

import (
	"container/list"
	"time"

	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// user is the mailbox of a user in this process.
type user struct {
	key  string         // of the record
	work *fairness.Work // a turn

	// Under the lock of Mailboxes:
	arrivals  []*arrival
	bytes     int   // of arrivals
	wake      *wake // of the user's timer; nil: none
	class     Class
	queued    bool
	busy      bool
	paused    bool // after a failure of NATS
	idle      *list.Element
	idleBytes int
	again     bool // there is new work for the turn after this one, or after the pause

	// Of the turn that runs:
	stored    stored
	armed     time.Time         // the earliest timer of this ownership that has not fired
	armedIn   uint64            // generation of that timer
	published map[effectID]bool // finished effects of the record whose results are out
	noAccount time.Time         // of the last look-up that found no account
	failures  int               // of NATS, one after the other
	// missed are overdue effects whose dead letters are stored.
	missed map[effectID]record.Outcome
}

type effectID struct {
	key    record.Key
	replay int
}

// user returns the mailbox of a user. Its caller holds the lock.
func (m *Mailboxes) user(key string) *user {
	u := m.users[key]
	if u == nil {
		u = &user{key: key, published: map[effectID]bool{}}
		u.work = fairness.NewWork(func(c Class) { m.run(u, c) })
		m.users[key] = u
	}
	m.use(u)
	return u
}

// enqueue lets the mailbox have a turn. A mailbox that waits for one as a wake goes to the
// fresh ones if it gets a fresh event. Its caller holds the lock.
func (m *Mailboxes) enqueue(u *user, c Class) {
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
	case m.opened:
		m.task.deps.Scheduler.Submit(c, u.work)
	case early:
		m.early = append(m.early, u)
	}
}

// run runs a turn of a mailbox in a slot of a class. The slot may come for nothing: the
// mailbox had its turn meanwhile, or no further one may begin.
func (m *Mailboxes) run(u *user, c Class) {
	m.mu.Lock()
	if !m.opened || !u.queued {
		m.mu.Unlock()
		return
	}
	u.queued, u.busy = false, true
	m.turns.Add(1)
	m.mu.Unlock()
	defer m.turns.Done()
	m.turn(m.phases, u, c)
	m.ended(u)
}

// ended ends a turn of a mailbox.
func (m *Mailboxes) ended(u *user) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u.busy = false
	switch {
	case u.paused:
	case u.again:
		m.resume(u)
	case !u.queued:
		m.keep(u)
	}
}

// resume lets the mailbox have the turn that came up meanwhile. Its caller holds the lock.
func (m *Mailboxes) resume(u *user) {
	if u.again {
		u.again = false
		m.enqueue(u, u.class)
	}
}
