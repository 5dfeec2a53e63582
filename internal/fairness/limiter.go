package fairness

import "time"

// limiter combines the full rate, its penalties and the bucket.
type limiter struct {
	rate     float64 // the full rate in calls a second, before any penalty; zero lets no call pass
	plan     []step  // changes of the full rate that are to come, the first one first
	bucket   bucket
	throttle throttle
	demand   demand
}

// step is a change of the full rate at a time.
type step struct {
	at   time.Time
	rate float64
}

// set changes the full rate now, and again at the times of a plan. A rate of zero lets no
// call pass; the bucket then keeps one token at most, so that the first call afterwards
// starts at once.
func (l *limiter) set(rate float64, plan ...step) { l.rate, l.plan = rate, plan }

// fill adds tokens until now. A step of the plan counts from its time.
func (l *limiter) fill(now time.Time) {
	for len(l.plan) > 0 && !now.Before(l.plan[0].at) {
		due := l.plan[0]
		l.rate, l.plan = due.rate, l.plan[1:]
		l.apply(due.at)
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
	if l.throttle.isResting(now) || !l.bucket.take() {
		return false
	}
	l.demand.started(now)
	return true
}

// probe reports whether a single call may start now though a rest is on. The bucket is empty
// then, so that the rate holds for the calls behind the probe too. fill comes first.
func (l *limiter) probe(now time.Time) bool {
	if l.rate == 0 || !l.throttle.isResting(now) || now.Before(l.throttle.probeAt) {
		return false
	}
	l.throttle.probed(now)
	l.demand.started(now)
	l.bucket.tokens = 0
	return true
}

// delay returns the time until a call may start, above zero; probes says that fresh work
// waits, which may be a probe. fill comes first.
func (l *limiter) delay(now time.Time, probes bool) time.Duration {
	delay := l.bucket.delay()
	if l.throttle.isResting(now) {
		delay = max(delay, l.throttle.until.Sub(now))
		if probes && l.rate > 0 {
			delay = min(delay, l.throttle.probeAt.Sub(now))
		}
	}
	if len(l.plan) > 0 {
		delay = min(delay, l.plan[0].at.Sub(now))
	}
	return max(delay, 1)
}
