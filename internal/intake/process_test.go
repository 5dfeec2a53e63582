package intake_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// The environment of the property test: a model of the streams, the lease, the timers and
// the record store, and processes that die or sleep at any operation. All of it runs on
// virtual time.

const (
	callTimeout = time.Second
	callLease   = 1500 * time.Millisecond
	leaseTTL    = 2 * time.Second
	ackWait     = 30 * time.Second
)

var (
	errDead = errors.New("this process is dead")
	errAway = errors.New("nats does not answer")
)

// process is one worker process. It dies or sleeps at one of its operations.
type process struct {
	name   string
	cancel context.CancelFunc

	mu     sync.Mutex
	ops    int
	dead   bool
	dieAt  int                   // the operation at which it dies; 0: never
	calls  int                   // of the vendor, as many as it makes before operations are counted
	after  bool                  // whether that operation still has its effect
	sleeps map[int]time.Duration // operations before which the whole process sleeps
	until  time.Time             // the end of a sleep
}

// do carries out one operation of the process, unless it is dead.
func (p *process) do(effect func() error) error {
	p.mu.Lock()
	p.ops++
	n := p.ops
	if d := p.sleeps[n]; d > 0 {
		p.until = time.Now().Add(d)
	}
	sleep := time.Until(p.until)
	p.mu.Unlock()
	time.Sleep(max(0, sleep) + time.Duration(n%4)*time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.dead:
		return errDead
	case p.dieAt != 0 && n >= p.dieAt && p.calls <= 0:
		p.dead = true
		p.cancel()
		if p.after {
			_ = effect()
		}
		return errDead
	}
	return effect()
}

// called notes a call of the vendor.
func (p *process) called() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls--; p.calls == 0 {
		p.ops = 0
	}
}

// random is a seeded source of random numbers, shared by all.
type random struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (c *random) hit(p float64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.Float64() < p
}

func (c *random) span(d time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.rng.Int64N(int64(d) + 1))
}
