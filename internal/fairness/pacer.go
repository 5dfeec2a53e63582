package fairness

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Pacer keeps the calls to one vendor to a rate and hands the tokens out by class. Fresh
// work goes first. While fresh work waits, wakes get every second token, and every eighth
// once fresh work has waited for a second without a break. Activity gets every tenth token
// while another class waits. A class that waits alone gets all tokens.
//
// After a second 429 in a row the Pacer rests until Retry-After is over: only a single fresh
// call starts now and then, as a probe, and any answer but a 429 ends the rest.
//
// At most one second's worth of calls (at least one call) can start at once; in any span
// of t seconds at most rate × (1 + t) calls start. Pacer is safe for concurrent use, has no
// goroutine, and keeps no timer running while no call waits.
type Pacer struct {
	mu      sync.Mutex
	limiter limiter
	waiters waiters
	timer   *time.Timer // grants the next token; nil until a call waits
}

// NewPacer returns a Pacer for a rate in calls a second. A rate of zero or below means no
// limit.
func NewPacer(rate float64) *Pacer {
	p := &Pacer{}
	p.SetRate(rate)
	p.limiter.bucket.tokens = p.limiter.bucket.size
	return p
}

// ErrResting is returned by Admit during a rest.
var ErrResting = errors.New("the vendor asked for a rest (429)")

// probePatience is the longest time that a call of Admit waits to be a probe.
const probePatience = 5 * time.Second

// Wait waits for a token and takes it. Wait returns the error of ctx if ctx ends before
// the call has a token; no token is spent then.
func (p *Pacer) Wait(ctx context.Context, class Class) error {
	return p.wait(ctx, &waiter{class: class})
}

// Resume is Wait for a further call of work that has begun. The call goes before the calls of
// its class that begin work: otherwise nothing ends before everything has begun.
func (p *Pacer) Resume(ctx context.Context, class Class) error {
	return p.wait(ctx, &waiter{class: class, resumes: true})
}

// Admit is Wait for a call that may as well come later: a rest ends the wait with ErrResting,
// unless the call may be the next probe, within seconds.
func (p *Pacer) Admit(ctx context.Context, class Class) error {
	return p.wait(ctx, &waiter{class: class, leaves: true})
}

// TryAdmit takes a token only if one is left and no other call waits, and reports so.
func (p *Pacer) TryAdmit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.limiter.fill(now)
	return p.waiters.isEmpty() && p.limiter.take(now)
}

func (p *Pacer) wait(ctx context.Context, w *waiter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.enter(w)
	select {
	case <-w.ended:
	case <-ctx.Done():
		p.leave(w)
		return ctx.Err()
	}
	if !w.isGranted {
		return ErrResting
	}
	return nil
}

// SetRate changes the rate at once, in calls a second; zero or below means no limit. A
// penalty stays in force, as a part of the new rate.
func (p *Pacer) SetRate(rate float64) {
	if rate <= 0 {
		rate = unlimited
	}
	p.change(func(time.Time) { p.limiter.set(rate) })
}

// Penalize accounts for a 429. retryAfter is the vendor's Retry-After, zero without one.
// The rate is halved, at most once a second and to no less than a 64th; without a limit, the
// measured rate counts as the full one. A second 429 without another answer in between begins a
// rest, until the later Retry-After of the run is over, an hour at most.
func (p *Pacer) Penalize(retryAfter time.Duration) {
	p.change(func(now time.Time) { p.limiter.throttle.penalize(now, retryAfter, p.limiter.rate) })
}

// Answered accounts for any answer but a 429. It ends a rest. After a penalty, answers raise
// the rate by a tenth of the full rate, at most once a second, and to a tenth at least.
func (p *Pacer) Answered() {
	p.change(func(now time.Time) { p.limiter.throttle.answered(now) })
}

// Rate returns the present rate in calls a second, penalties included. limited is false,
// and the rate zero, without a limit.
func (p *Pacer) Rate() (perSecond float64, limited bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limiter.fill(time.Now())
	if rate := p.limiter.bucket.rate; rate < unlimited {
		return rate, true
	}
	return 0, false
}

// Rest returns how long no call but probes may start because of Retry-After; zero without one.
func (p *Pacer) Rest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, time.Until(p.limiter.throttle.until))
}

// Waiting returns the number of calls that wait for a token, by class.
func (p *Pacer) Waiting() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiters.counts
}

// enter queues a call. The call has a token already if one is left and no other call waits.
func (p *Pacer) enter(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.waiters.isEmpty() {
		p.waiters.turns = turns{}
	}
	p.waiters.add(w, now)
	p.dispatch(now)
}

// leave withdraws a waiter. A token that was granted meanwhile goes to another call.
func (p *Pacer) leave(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case w.isGranted:
		p.limiter.bucket.giveBack()
	case !w.isDismissed:
		p.waiters.remove(w)
	}
	p.dispatch(time.Now())
}

// change makes a change under the lock and grants the tokens that the change frees.
func (p *Pacer) change(f func(now time.Time)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.limiter.fill(now)
	f(now)
	p.limiter.apply(now)
	p.dispatch(now)
}

// dispatch grants the available tokens by class, dismisses the calls that a rest turns away,
// and sets the timer for the next token.
func (p *Pacer) dispatch(now time.Time) {
	p.limiter.fill(now)
	for !p.waiters.isEmpty() && p.limiter.take(now) {
		p.waiters.grant(now)
	}
	if p.waiters.counts[Fresh] > 0 && p.limiter.probe(now) {
		p.waiters.grantTo(Fresh)
	}
	if t := &p.limiter.throttle; t.isResting(now) {
		p.waiters.dismiss(t.probeAt.Sub(now) <= probePatience)
	}
	if !p.waiters.isEmpty() {
		p.limiter.demand.waited = now
	}
	p.setTimer(now)
}

// setTimer sets the timer for the next token, and stops the timer if no call waits.
func (p *Pacer) setTimer(now time.Time) {
	switch {
	case p.waiters.isEmpty():
		if p.timer != nil {
			p.timer.Stop()
		}
	case p.timer == nil:
		p.timer = time.AfterFunc(p.limiter.delay(now, p.waiters.counts[Fresh] > 0), func() { p.change(func(time.Time) {}) })
	default:
		p.timer.Reset(p.limiter.delay(now, p.waiters.counts[Fresh] > 0))
	}
}
