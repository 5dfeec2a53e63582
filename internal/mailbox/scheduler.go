package mailbox

import (
	"container/list"
	"context"
	"crypto/rand"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// Vendor is the vendor that the mailboxes are of.
type Vendor struct {
	Name string
	Port atomic.Pointer[any] // its adapter, with the credentials of the moment
}

// Mailboxes are the mailboxes of one vendor during one ownership. They run turns side by
// side, one per user at a time.
type Mailboxes struct {
	vendor   *Vendor
	config   Config
	deps     Deps
	handlers map[string]handlers.Handler
	limits   record.Limits
	nonce    string // of this ownership in this process
	nonces   atomic.Uint64
	timers   atomic.Uint64 // generation of the timers; see ForgetTimers

	mu        sync.Mutex
	changed   *sync.Cond
	users     map[string]*user
	idle      list.List // of mailboxes without work, the oldest first
	idleBytes int
	ready     [fairness.Classes][]*user
	slots     *fairness.Slots
	closed    bool
	wakes     int // that are not acknowledged
	turns     sync.WaitGroup
}

// user is the mailbox of a user in this process.
type user struct {
	key string // of the record

	// Under the lock of Mailboxes:
	arrivals  []*arrival
	bytes     int      // of arrivals
	wakes     []func() // acknowledge the wakes of the user's timer
	class     Class
	queued    bool
	since     time.Time // in the queue
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
}

type effectID struct {
	key    record.Key
	replay int
}

// New returns the mailboxes of a vendor for an ownership. Run starts their turns.
func New(v *Vendor, c Config, d Deps) (*Mailboxes, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	m := &Mailboxes{
		vendor: v, config: c, deps: d, handlers: map[string]handlers.Handler{},
		limits: record.Limits{Bytes: c.RecordBytes, Remember: c.Remember},
		nonce:  rand.Text()[:8], users: map[string]*user{}, slots: fairness.NewSlots(c.Slots),
	}
	if d.Failures == nil {
		m.deps.Failures = new(Failures)
	}
	m.changed = sync.NewCond(&m.mu)
	for _, h := range d.Handlers {
		m.handlers[h.Type] = h
	}
	return m, nil
}

// newNonce returns the name of a new attempt.
func (m *Mailboxes) newNonce() string {
	return m.nonce + "." + strconv.FormatUint(m.nonces.Add(1), 36)
}

// Wake runs the mailbox of a user whose timer has fired. ack acknowledges the wake; it is
// called once a further timer is set, or none is needed.
func (m *Mailboxes) Wake(userKey string, ack func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.user(userKey)
	m.wakes++
	u.wakes = append(u.wakes, func() {
		m.mu.Lock()
		m.wakes--
		m.mu.Unlock()
		ack()
	})
	m.enqueue(u, Wake)
}

// deliver puts an event into the mailbox of its user.
func (m *Mailboxes) deliver(userKey string, a *arrival) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.user(userKey)
	u.arrivals, u.bytes = append(u.arrivals, a), u.bytes+a.size()
	class := Fresh
	if a.Replay > 0 {
		class = Wake
	}
	m.enqueue(u, class)
}

// user returns the mailbox of a user. Its caller holds the lock.
func (m *Mailboxes) user(key string) *user {
	u := m.users[key]
	if u == nil {
		u = &user{key: key, published: map[effectID]bool{}}
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
	case u.queued:
		m.ready[u.class] = slices.DeleteFunc(m.ready[u.class], func(o *user) bool { return o == u })
	}
	u.queued, u.class, u.since = true, c, time.Now()
	m.ready[c] = append(m.ready[c], u)
	m.changed.Signal()
}

// Run runs turns until ctx ends, and then lets those that run come to their end for grace:
// after three quarters of it calls of the vendor are cut, and the outcomes are stored.
func (m *Mailboxes) Run(ctx context.Context, grace time.Duration) {
	writes, endWrites := context.WithCancel(context.WithoutCancel(ctx))
	calls, endCalls := context.WithCancel(writes)
	defer endWrites()
	defer endCalls()
	defer context.AfterFunc(ctx, func() {
		m.close()
		time.AfterFunc(grace*3/4, endCalls)
		time.AfterFunc(grace, endWrites)
	})()
	for {
		u, class := m.next()
		if u == nil {
			break
		}
		m.turns.Go(func() {
			m.turn(contexts{stop: ctx, call: calls, write: writes}, u, class)
			m.ended(u, class)
		})
	}
	m.turns.Wait()
}

// contexts end one after the other: first no call begins any more, then calls are cut, and
// at last nothing is written any more.
type contexts struct{ stop, call, write context.Context }

func (m *Mailboxes) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.changed.Broadcast()
}

// next waits for a mailbox that may have a turn. It returns nil once the mailboxes are closed.
func (m *Mailboxes) next() (*user, Class) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for !m.closed {
		if c, ok := m.choose(); ok {
			u := m.ready[c][0]
			m.ready[c] = m.ready[c][1:]
			u.queued, u.busy = false, true
			return u, c
		}
		m.changed.Wait()
	}
	return nil, 0
}

// choose takes a slot for the next turn, and returns the class of the work. Its caller holds
// the lock.
func (m *Mailboxes) choose() (Class, bool) {
	waiting := fairness.Counts{Fresh: len(m.ready[Fresh]), Wake: len(m.ready[Wake])}
	freshFor := time.Duration(0)
	if waiting[Fresh] > 0 {
		freshFor = time.Since(m.ready[Fresh][0].since)
	}
	return m.slots.Admit(waiting, freshFor)
}

// ended gives the slot of a turn back.
func (m *Mailboxes) ended(u *user, c Class) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slots.End(c)
	u.busy = false
	switch {
	case u.paused:
	case u.again:
		m.resume(u)
	case !u.queued:
		m.keep(u)
	}
	m.changed.Signal()
}

// resume lets the mailbox have the turn that came up meanwhile. Its caller holds the lock.
func (m *Mailboxes) resume(u *user) {
	if u.again {
		u.again = false
		m.enqueue(u, u.class)
	}
}

// The bounds of the records of idle mailboxes that are kept in memory.
const (
	idleUsers = 4096
	idleBytes = 16 << 20
)

// keep keeps an idle mailbox with its record, and drops the oldest ones beyond the bounds.
// Its caller holds the lock.
func (m *Mailboxes) keep(u *user) {
	u.idle, u.idleBytes = m.idle.PushBack(u), len(u.stored.encoded)
	m.idleBytes += u.idleBytes
	for m.idle.Len() > idleUsers || m.idleBytes > idleBytes {
		oldest := m.idle.Front().Value.(*user)
		m.use(oldest)
		delete(m.users, oldest.key)
	}
}

// use takes a mailbox out of the idle ones. Its caller holds the lock.
func (m *Mailboxes) use(u *user) {
	if u.idle != nil {
		m.idle.Remove(u.idle)
		m.idleBytes -= u.idleBytes
		u.idle = nil
	}
}

// WakesInHand returns the number of wakes that are not acknowledged.
func (m *Mailboxes) WakesInHand() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wakes
}

// ForgetTimers says that the timers that were set may be lost: each turn sets its own again.
func (m *Mailboxes) ForgetTimers() { m.timers.Add(1) }
