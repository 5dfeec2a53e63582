package fairness

import (
	"context"
	"sync"
	"time"
)

// Pacer keeps the calls to one vendor to a rate and hands the tokens out by class. Fresh
// work goes first. While fresh work waits, wakes get every second token, and every eighth
// once the oldest fresh work has waited for a second. Activity gets every tenth token
// while another class waits. A class that waits alone gets all tokens.
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

// Wait waits for a token and takes it. Wait returns the error of ctx if ctx ends before
// the call has a token; no token is spent then.
func (p *Pacer) Wait(ctx context.Context, class Class) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := p.enter(class)
	if w == nil {
		return nil
	}
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
		p.leave(w)
		return ctx.Err()
	}
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
// measured rate counts as the full one. A second 429 without another answer in between stops all
// calls until the later Retry-After of the run is over, an hour at most.
func (p *Pacer) Penalize(retryAfter time.Duration) {
	p.change(func(now time.Time) { p.limiter.throttle.penalize(now, retryAfter, p.limiter.rate < unlimited) })
}

// Answered accounts for any answer but a 429. After a penalty, answers raise the rate by a
// tenth of the full rate, at most once a second.
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

// Rest returns how long no call may start because of Retry-After; zero without one.
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

// hold lets no call pass until the rate is set.
func (p *Pacer) hold() {
	p.change(func(time.Time) { p.limiter.hold() })
}

// setRateSafely lowers the rate at once and raises the rate after a delay.
func (p *Pacer) setRateSafely(rate float64, delay time.Duration) {
	p.change(func(now time.Time) { p.limiter.setSafely(rate, now.Add(delay)) })
}

// enter takes a token if one is left and no call waits, and returns nil then. Otherwise
// enter returns a queued waiter.
func (p *Pacer) enter(class Class) *waiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.waiters.isEmpty() { // the timer is set
		return p.waiters.add(class, now)
	}
	p.limiter.fill(now)
	if p.limiter.take(now) {
		p.waiters.turns = turns{}
		return nil
	}
	w := p.waiters.add(class, now)
	p.setTimer(now)
	return w
}

// leave withdraws a waiter. A token that was granted meanwhile goes to another call.
func (p *Pacer) leave(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.isGranted {
		p.limiter.bucket.giveBack()
	} else {
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

// tick runs when the timer fires.
func (p *Pacer) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dispatch(time.Now())
}

// dispatch grants the available tokens by class and sets the timer for the next token.
func (p *Pacer) dispatch(now time.Time) {
	p.limiter.fill(now)
	for !p.waiters.isEmpty() && p.limiter.take(now) {
		p.waiters.grant(now)
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
		p.timer = time.AfterFunc(p.limiter.delay(now), p.tick)
	default:
		p.timer.Reset(p.limiter.delay(now))
	}
}
