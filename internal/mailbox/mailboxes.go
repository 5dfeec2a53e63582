package mailbox

import (
	"context"
	"crypto/rand"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// Vendor is the vendor of the mailboxes.
type Vendor struct {
	Name string
	Port atomic.Pointer[vendors.Adapter] // the adapter, with the credentials of the moment
	// Rules are the compiled rules of the team; nil: none. Rules need Deps.Profiles.
	Rules handlers.Rules
}

// parts are shared by all turns and first attempts of a vendor.
type parts struct {
	reader
	config *Config
	deps   *Deps
}

func newParts(v *Vendor, c Config, d Deps) (*parts, error) {
	if d.Failures == nil {
		d.Failures = new(Failures)
	}
	read := newReader(v, d.Decoder, d.Handlers)
	read.policy, read.byTime, read.sealKeys = c.Rules, c.ByTime, c.SealKeys
	return &parts{reader: read, config: &c, deps: &d}, c.check()
}

// removes reports whether events of a type may disable or delete accounts.
func (p *parts) removes(eventType string) bool {
	v := handlers.Vendor{Rules: p.vendor.Rules, Policy: p.policy}
	return v.Removes(p.handlers[eventType])
}

// nonces makes names of attempts.
type nonces struct {
	prefix string // of this ownership in this process
	last   atomic.Uint64
}

func (n *nonces) next() string {
	var room [32]byte // on the stack
	return string(strconv.AppendUint(append(room[:0], n.prefix...), n.last.Add(1), 36))
}

// Mailboxes are the mailboxes of one vendor during one ownership. Turns run side by side, one
// per user at a time.
type Mailboxes struct {
	*parts
	queue   *queue
	phases  Phases // set by Run
	nonces  nonces
	timers  timers
	retries waits // effects with failed attempts
	unknown waits // effects with an unknown outcome
}

// New returns the mailboxes of a vendor for an ownership. Run starts their turns.
func New(v *Vendor, c Config, d Deps) (*Mailboxes, error) {
	p, err := newParts(v, c, d)
	if err != nil {
		return nil, err
	}
	m := &Mailboxes{parts: p, nonces: nonces{prefix: rand.Text()[:8] + "."}, timers: timers{Timers: d.Timers}}
	m.queue = newQueue(d.Scheduler, func(u *user, w work) remainder { return newTurn(m, u, w).run() })
	return m, nil
}

// Wake runs the mailbox of a user after the timer has fired. ack acknowledges the wake, once a
// further timer is set, or none is needed.
func (m *Mailboxes) Wake(userKey string, ack func()) { m.queue.wake(userKey, WakeClass(userKey), ack) }

// WakesInHand returns the number of wakes of a class without an acknowledgement.
func (m *Mailboxes) WakesInHand(c Class) int { return int(m.queue.wakes[c].Load()) }

// ForgetTimers makes each turn set a timer again: earlier timers may be lost.
func (m *Mailboxes) ForgetTimers() { m.timers.generation.Add(1) }

// Run runs turns until ctx ends. Running turns then come to their end within grace: after three
// quarters of grace calls of the vendor are cut, and the outcomes are stored.
func (m *Mailboxes) Run(ctx context.Context, grace time.Duration) {
	phases, end := NewPhases(ctx, grace)
	defer end()
	m.phases = phases
	m.queue.open()
	<-ctx.Done()
	m.queue.close()
}

// Phases are contexts of work. They end one after the other: at first no call begins, then
// calls are cut, and at last nothing is written.
type Phases struct{ stop, call, write context.Context }

// NewPhases returns the phases of work that begins until ctx ends. From then on the work has
// grace to come to an end: after three quarters of grace calls of the vendor are cut, so that
// the outcomes can be stored. The caller calls end once all work has ended.
func NewPhases(ctx context.Context, grace time.Duration) (p Phases, end func()) {
	write, endWrites := context.WithCancel(context.WithoutCancel(ctx))
	call, endCalls := context.WithCancel(write)
	unwatch := context.AfterFunc(ctx, func() {
		time.AfterFunc(grace*3/4, endCalls)
		time.AfterFunc(grace, endWrites)
	})
	return Phases{stop: ctx, call: call, write: write}, func() {
		unwatch()
		endCalls()
		endWrites()
	}
}
