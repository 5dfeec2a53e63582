package mailbox

import (
	"container/list"
	"context"
	"crypto/rand"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// Vendor is the vendor that the mailboxes are of.
type Vendor struct {
	Name string
	Port atomic.Pointer[vendors.Adapter] // its adapter, with the credentials of the moment
}

// Mailboxes are the mailboxes of one vendor during one ownership. They run turns side by
// side, one per user at a time.
type Mailboxes struct {
	task    task // to be copied
	limits  record.Limits
	nonce   string // of this ownership in this process
	nonces  atomic.Uint64
	timers  atomic.Uint64 // generation of the timers; see ForgetTimers
	retries waits         // effects that failed
	unknown waits         // effects of which the outcome is not known

	mu        sync.Mutex
	phases    Phases
	opened    bool
	early     []*user // that got work before the mailboxes were opened
	users     map[string]*user
	idle      list.List // of mailboxes without work, the oldest first
	idleBytes int
	wakes     [fairness.Classes]int // that are not acknowledged
	turns     sync.WaitGroup
}

// New returns the mailboxes of a vendor for an ownership. Run starts their turns.
func New(v *Vendor, c Config, d Deps) (*Mailboxes, error) {
	t, err := newTask(v, c, d)
	if err != nil {
		return nil, err
	}
	return &Mailboxes{
		task: t, limits: record.Limits{Bytes: c.RecordBytes, Remember: c.Remember},
		nonce: rand.Text()[:8], users: map[string]*user{},
	}, nil
}

// newNonce returns the name of a new attempt.
func (m *Mailboxes) newNonce() string {
	return m.nonce + "." + strconv.FormatUint(m.nonces.Add(1), 36)
}

// WakeClass returns the class of the wakes of a mailbox.
func WakeClass(userKey string) Class {
	if record.IsActivityKey(userKey) {
		return Activity
	}
	return Wake
}

// Wake runs the mailbox of a user whose timer has fired. ack acknowledges the wake; it is
// called once a further timer is set, or none is needed.
func (m *Mailboxes) Wake(userKey string, ack func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, c := m.user(userKey), WakeClass(userKey)
	m.wakes[c]++
	m.hold(u, &wake{class: c, ack: ack})
	m.enqueue(u, c)
}

// wake is a wake in hand.
type wake struct {
	class Class
	ack   func()
}

// hold keeps a wake for the next turn of the mailbox. An earlier one is given up: it is of
// the same message, delivered again, or of one that this message has replaced. Otherwise the
// wakes of one user, who cannot go on, would fill the room of all.
func (m *Mailboxes) hold(u *user, w *wake) {
	if u.wake != nil {
		m.wakes[u.wake.class]--
	}
	u.wake = w
}

// acknowledge acknowledges the wake of a turn.
func (t *turn) acknowledge() {
	if t.wake == nil {
		return
	}
	t.Mailboxes.mu.Lock()
	t.wakes[t.wake.class]--
	t.Mailboxes.mu.Unlock()
	t.wake.ack()
}

// deliver puts an event into the mailbox of its user.
func (m *Mailboxes) deliver(userKey string, a *arrival) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.user(userKey)
	u.arrivals, u.bytes = append(u.arrivals, a), u.bytes+a.size()
	class := Fresh
	if a.Replay > 0 {
		class = WakeClass(userKey)
	}
	m.enqueue(u, class)
}

// Run runs turns until ctx ends, and then lets those that run come to their end for grace:
// after three quarters of it calls of the vendor are cut, and the outcomes are stored.
func (m *Mailboxes) Run(ctx context.Context, grace time.Duration) {
	phases, end := NewPhases(ctx, grace)
	defer end()
	m.start(phases)
	<-ctx.Done()
	m.close()
	m.turns.Wait()
}

// start lets the mailboxes have turns. Those that have work already get the first ones.
func (m *Mailboxes) start(p Phases) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phases, m.opened = p, true
	for _, u := range m.early {
		m.task.deps.Scheduler.Submit(u.class, u.work)
	}
	m.early = nil
}

// close lets no further turn begin.
func (m *Mailboxes) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opened = false
}

// WakesInHand returns the number of wakes of a class that are not acknowledged.
func (m *Mailboxes) WakesInHand(c Class) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wakes[c]
}

// ForgetTimers says that the timers that were set may be lost: each turn sets its own again.
func (m *Mailboxes) ForgetTimers() { m.timers.Add(1) }
