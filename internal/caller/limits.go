package caller

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// most is how many limiters are kept; beyond it those go that nobody uses.
const most = 10_000

// Limits is one rate limiter for each caller. It is safe for use by many goroutines.
type Limits struct {
	rate  rate.Limit
	burst int

	mu sync.Mutex
	by map[string]*rate.Limiter
}

// NewLimits returns limits of so many calls a second, and at once; no limit where
// the rate is zero.
func NewLimits(perSecond rate.Limit, burst int) *Limits {
	return &Limits{rate: perSecond, burst: max(1, burst), by: map[string]*rate.Limiter{}}
}

// Take counts a call, and returns how long it should have waited: a second at
// least, or nothing at all.
func (l *Limits) Take(who string) time.Duration {
	if l.rate <= 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, ok := l.by[who]
	if !ok {
		l.prune()
		limiter = rate.NewLimiter(l.rate, l.burst)
		l.by[who] = limiter
	}
	slot := limiter.Reserve()
	if after := slot.Delay(); after > 0 {
		slot.Cancel()
		return max(after, time.Second)
	}
	return 0
}

// Forget lets a caller begin anew.
func (l *Limits) Forget(who string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.by, who)
}

// prune forgets, where there are many, the callers that could make a whole burst:
// a new limiter would let them do the same. Where all are busy, it forgets all.
func (l *Limits) prune() {
	if len(l.by) < most {
		return
	}
	for who, limiter := range l.by {
		if limiter.Tokens() >= float64(limiter.Burst()) {
			delete(l.by, who)
		}
	}
	if len(l.by) >= most {
		clear(l.by)
	}
}
