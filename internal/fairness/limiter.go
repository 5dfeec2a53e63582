package fairness

import "time"

// limiter combines the full rate, its penalties and the bucket.
type limiter struct {
	rate     float64 // the full rate in calls a second, before any penalty; zero lets no call pass
	raise    raise
	bucket   bucket
	throttle throttle
}

// raise is a change of the full rate that takes effect later. A zero at is none.
type raise struct {
	at   time.Time
	rate float64
}

// set changes the full rate at once.
func (l *limiter) set(rate float64) { l.rate, l.raise = rate, raise{} }

// setSafely lowers the full rate at once, or raises the full rate at a later time.
func (l *limiter) setSafely(rate float64, at time.Time) {
	if rate <= l.rate {
		l.set(rate)
		return
	}
	l.raise = raise{at: at, rate: rate}
}

// hold lets no call pass until the rate is set. The bucket then keeps one token, so that the
// first call after the hold starts at once.
func (l *limiter) hold() { l.set(0) }

// fill adds tokens until now. A raise that is due counts from the time of its due.
func (l *limiter) fill(now time.Time) {
	if due := l.raise.at; !due.IsZero() && !now.Before(due) {
		l.set(l.raise.rate)
		l.apply(due)
	}
	l.bucket.fill(now)
}

// apply carries the full rate and the penalty over to the bucket.
func (l *limiter) apply(now time.Time) {
	rate, size := l.throttle.apply(l.rate)
	l.bucket.set(now, rate, size)
}

// take takes a token, and reports whether a call may start now. fill comes first.
func (l *limiter) take(now time.Time) bool {
	return !now.Before(l.throttle.until) && l.bucket.take()
}

// delay returns the time until take may succeed, above zero. fill comes first.
func (l *limiter) delay(now time.Time) time.Duration {
	delay := max(l.bucket.delay(), l.throttle.until.Sub(now), 1)
	if due := l.raise.at; !due.IsZero() {
		delay = min(delay, max(1, due.Sub(now)))
	}
	return delay
}
