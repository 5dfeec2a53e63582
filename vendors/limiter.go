package vendors

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	burst        = 5           // seconds of the rate that may come at once
	rateInterval = time.Second // least time between two changes of the rate
	rateStep     = 1.0 / 10    // of the full rate: each increase
	rateFloor    = 1.0 / 64    // of the full rate: the minimum
	maxPause     = time.Hour   // longest rest, followed by a probe
	assumedRate  = 100         // calls per second: minimum to cut from if no rate is configured
)

// adaptiveLimiter adapts the rate of a client's calls to the vendor. A 429 halves the rate.
// Other responses raise the rate again, by a tenth of the full rate each second. A second 429
// without another response in between begins a rest: no call until the longer Retry-After is over.
type adaptiveLimiter struct {
	limit *rate.Limiter
	full  rate.Limit // the configured rate, or rate.Inf

	mu      sync.Mutex
	top     rate.Limit // upper bound of increases: full, or the rate measured at the first 429
	changed time.Time
	until   time.Time // end of the rest
	run     int       // 429s without another response in between
	asked   time.Time // end of the longest Retry-After of the run
	window  time.Time // start of the counting window
	calls   int       // calls in the window
	speed   float64   // calls per second in the previous window
}

// newAdaptiveLimiter returns a limiter for a rate in calls per second; 0 is no limit.
func newAdaptiveLimiter(perSecond float64) *adaptiveLimiter {
	p := &adaptiveLimiter{full: rate.Inf}
	if perSecond > 0 {
		p.full = rate.Limit(perSecond)
	}
	p.top = p.full
	p.limit = rate.NewLimiter(p.full, burstOf(p.full))
	return p
}

// burstOf returns how many calls may begin at once at a rate.
func burstOf(r rate.Limit) int {
	if r == rate.Inf {
		return 1
	}
	return max(1, int(math.Ceil(float64(r)*burst)))
}

// Wait blocks until a call may begin. Wait returns ErrLate at once if no call may begin before
// begin.
func (p *adaptiveLimiter) Wait(ctx context.Context, begin time.Time) error {
	if rest := p.Rest(); rest > time.Until(begin) || !sleep(ctx, rest) {
		return ErrLate
	}
	turn := p.limit.Reserve()
	if d := turn.Delay(); d > time.Until(begin) || !sleep(ctx, d) {
		turn.Cancel()
		return ErrLate
	}
	return nil
}

// sleep waits for d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Rest returns the remaining time of the rest.
func (p *adaptiveLimiter) Rest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, time.Until(p.until))
}

// Rate returns the present rate in calls per second. limited is false if there is no limit.
func (p *adaptiveLimiter) Rate() (perSecond float64, limited bool) {
	r := p.limit.Limit()
	return float64(r), r != rate.Inf
}

// Penalize reports a 429 and the vendor's Retry-After.
func (p *adaptiveLimiter) Penalize(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.count(now)
	if until := now.Add(min(after, maxPause)); until.After(p.asked) {
		p.asked = until
	}
	if p.run > 0 && p.asked.After(p.until) {
		p.until = p.asked
	}
	p.run++
	if now.Sub(p.changed) < rateInterval {
		return
	}
	if p.limit.Limit() == rate.Inf {
		p.top = rate.Limit(max(assumedRate, p.speed, float64(p.calls)))
		p.limit.SetLimit(p.top)
	}
	p.set(now, max(p.limit.Limit()/2, p.top*rateFloor))
	p.limit.SetBurst(1)
}

// Answered reports a response of the vendor other than 429.
func (p *adaptiveLimiter) Answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.count(now)
	p.run, p.asked = 0, time.Time{}
	current := p.limit.Limit()
	if current == p.full || now.Sub(p.changed) < rateInterval {
		return
	}
	if next := current + p.top*rateStep; next < p.top {
		p.set(now, next)
		return
	}
	p.set(now, p.full)
	p.limit.SetBurst(burstOf(p.full))
}

// set changes the rate.
func (p *adaptiveLimiter) set(now time.Time, r rate.Limit) {
	p.limit.SetLimitAt(now, r)
	p.changed = now
}

// count counts a call, for the rate of the last full second.
func (p *adaptiveLimiter) count(now time.Time) {
	if past := now.Sub(p.window); past >= time.Second {
		p.speed = float64(p.calls) / past.Seconds()
		p.calls = 0
		p.window = now
	}
	p.calls++
}
