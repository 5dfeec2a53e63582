package vendors

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	burst        = 5           // seconds' worth of calls that may come at once
	rateInterval = time.Second // the least time between two changes of the rate
	rateStep     = 1.0 / 10    // of the full rate: what it climbs by
	rateFloor    = 1.0 / 64    // of the full rate: what it does not fall below
	maxPause     = time.Hour   // the longest that all calls stop: then one is made to see
	assumedRate  = 100         // calls a second: the least that a rate without a limit is taken for
)

// pace keeps a client's calls to a rate that the vendor bears. A 429 halves the
// rate; as long as calls are answered otherwise it climbs back, a tenth of the
// full rate each second. A second 429 without an answer between them stops
// all calls until the Retry-After of either is over.
type adaptiveLimiter struct {
	limit *rate.Limiter
	full  rate.Limit // the configured rate; rate.Inf where there is none

	mu      sync.Mutex
	top     rate.Limit // what the rate climbs back to: full, or what was measured when it was first cut
	changed time.Time
	until   time.Time // no call before
	run     int       // of 429s
	asked   time.Time // when the last Retry-After of the run is over
	window  time.Time // since when calls are counted
	calls   int       // in the window
	speed   float64   // calls a second in the window before
}

func newAdaptiveLimiter(perSecond float64) *adaptiveLimiter {
	p := &adaptiveLimiter{full: rate.Inf}
	if perSecond > 0 {
		p.full = rate.Limit(perSecond)
	}
	p.top = p.full
	p.limit = rate.NewLimiter(p.full, burstOf(p.full))
	return p
}

// most is how many calls may come at once at a rate.
func burstOf(r rate.Limit) int {
	if r == rate.Inf {
		return 1
	}
	return max(1, int(math.Ceil(float64(r)*burst)))
}

// Wait takes the caller's turn. It returns ErrLate at once if the turn would come after begin.
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

// sleep waits for as long, and returns false where ctx ends before.
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

// Rest is the time for which no call may be made.
func (p *adaptiveLimiter) Rest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, time.Until(p.until))
}

// Rate is the present rate in calls a second; limited is false if there is none.
func (p *adaptiveLimiter) Rate() (perSecond float64, limited bool) {
	r := p.limit.Limit()
	return float64(r), r != rate.Inf
}

// Penalize says that the vendor answered 429, and for how long it asked to wait.
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

// Answered says that the vendor answered a call, other than with 429.
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

func (p *adaptiveLimiter) set(now time.Time, r rate.Limit) {
	p.limit.SetLimitAt(now, r)
	p.changed = now
}

// count keeps the number of calls of the last full second.
func (p *adaptiveLimiter) count(now time.Time) {
	if past := now.Sub(p.window); past >= time.Second {
		p.speed, p.calls, p.window = float64(p.calls)/past.Seconds(), 0, now
	}
	p.calls++
}
