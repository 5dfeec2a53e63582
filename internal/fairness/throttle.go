package fairness

import "time"

const (
	throttleEvery = time.Second // the least time between two changes of the rate
	throttleStep  = 1.0 / 10    // the climb for each change, as a part of the full rate
	throttleFloor = 1.0 / 64    // the least rate, as a part of the full rate
	throttleRest  = time.Hour   // the longest rest: after it one call tries the vendor
	throttleGuess = 100         // calls a second: the least full rate of a vendor without a limit
	throttleBurst = 10 * time.Millisecond
)

// throttle adapts a rate to the vendor's answers. A 429 halves the rate. As long as other
// answers come, the rate climbs back by a tenth of the full rate each second. A second
// 429 without another answer in between stops all calls until the later Retry-After of
// the run is over, an hour at most.
type throttle struct {
	cut     float64 // the part of the full rate that is taken away, 0 to 1-throttleFloor
	full    float64 // calls a second; for a vendor without a limit only
	changed time.Time

	run     int       // 429s without another answer in between
	askedTo time.Time // the end of the latest Retry-After of the run
	until   time.Time // no call before

	window time.Time // the start of the window in which answers are counted
	count  int       // answers in the window
	speed  float64   // answers a second in the window before
}

// penalize accounts for a 429 with the given Retry-After, zero without one. limited
// is whether the vendor has a configured rate.
func (t *throttle) penalize(now time.Time, after time.Duration, limited bool) {
	t.measure(now)
	if until := now.Add(min(after, throttleRest)); until.After(t.askedTo) {
		t.askedTo = until
	}
	if t.run > 0 && t.askedTo.After(t.until) {
		t.until = t.askedTo
	}
	t.run++
	if now.Sub(t.changed) < throttleEvery {
		return
	}
	if t.cut == 0 && !limited {
		t.full = max(throttleGuess, t.speed, float64(t.count))
	}
	t.cut = 1 - max((1-t.cut)/2, throttleFloor)
	t.changed = now
}

// answered accounts for any answer but a 429.
func (t *throttle) answered(now time.Time) {
	t.measure(now)
	t.run, t.askedTo = 0, time.Time{}
	if t.cut == 0 || now.Sub(t.changed) < throttleEvery {
		return
	}
	t.cut = max(0, t.cut-throttleStep)
	if t.cut < throttleStep/1000 { // the rounding of float64
		t.cut = 0
	}
	t.changed = now
}

// apply returns the rate and the size of the bucket for a configured rate, in calls a
// second and calls. Burst is one second's worth, and next to none after a 429.
func (t *throttle) apply(rate float64) (limit, size float64) {
	switch {
	case t.cut == 0:
		return rate, max(1, min(rate, 1e9))
	case rate == unlimited:
		rate = t.full
	}
	limit = rate * (1 - t.cut)
	return limit, max(1, limit*throttleBurst.Seconds())
}

// measure counts the answers of each second.
func (t *throttle) measure(now time.Time) {
	if past := now.Sub(t.window); past >= time.Second {
		t.speed, t.count, t.window = float64(t.count)/past.Seconds(), 0, now
	}
	t.count++
}
