package clientlimit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxLimiters bounds the stored limiters; above the bound, idle limiters are removed.
const maxLimiters = 10_000

// Limits has a rate limiter for each client. The methods may be called concurrently.
type Limits struct {
	rate  rate.Limit
	burst int

	mu sync.Mutex
	by map[string]*rate.Limiter
}

// NewLimits returns limits on the calls of each client: a rate and a burst; no limit for the
// rate zero.
func NewLimits(perSecond rate.Limit, burst int) *Limits {
	return &Limits{rate: perSecond, burst: max(1, burst), by: map[string]*rate.Limiter{}}
}

// Spend counts n units of a call, such as bytes, and returns the remaining wait of a call above the
// limit, a second at least. More units than a burst count as a burst.
func (l *Limits) Spend(client string, n int) time.Duration {
	return l.reserve(client, min(n, l.burst))
}

// Take counts a call, and returns the remaining wait of a call above the limit, a second at
// least; zero for a call within the limit.
func (l *Limits) Take(client string) time.Duration { return l.reserve(client, 1) }

func (l *Limits) reserve(client string, n int) time.Duration {
	if l.rate <= 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, ok := l.by[client]
	if !ok {
		l.prune()
		limiter = rate.NewLimiter(l.rate, l.burst)
		l.by[client] = limiter
	}
	slot := limiter.ReserveN(time.Now(), n)
	if after := slot.Delay(); after > 0 {
		slot.Cancel()
		return max(after, time.Second)
	}
	return 0
}

// prune removes idle limiters at the bound: a new limiter also allows a whole burst. If no
// limiter is idle, prune removes all.
func (l *Limits) prune() {
	if len(l.by) < maxLimiters {
		return
	}
	for client, limiter := range l.by {
		if limiter.Tokens() >= float64(limiter.Burst()) {
			delete(l.by, client)
		}
	}
	if len(l.by) >= maxLimiters {
		clear(l.by)
	}
}
