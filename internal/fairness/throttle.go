package fairness

import "time"

const (
	throttleEvery = time.Second // the least time between two changes of the rate
	throttleStep  = 1.0 / 10    // the climb for each change, as a part of the full rate
	throttleFloor = 1.0 / 64    // the least rate, as a part of the full rate
	throttleRest  = time.Hour   // the longest rest: after it one call tries the vendor
	throttleGuess = 100         // calls a second: the least full rate of a vendor without a limit
	throttleBurst = 10 * time.Millisecond
	throttleProbe = 500 * time.Millisecond // from the beginning of a rest to the first probe
)

// throttle adapts a rate to the vendor's answers. A 429 halves the rate. As long as other
// answers come, the rate climbs back by a tenth of the full rate each second, and is a
// tenth at least.
//
// A second 429 without another answer in between begins a rest: until the later Retry-After
// of the run is over, an hour at most, no call starts but a probe now and then. The time
// between two probes doubles, up to Retry-After. Any answer but a 429 ends the rest, since
// a vendor may refuse some users only.
type throttle struct {
	cut     float64 // the part of the full rate that is taken away, 0 to 1-throttleFloor
	full    float64 // calls a second; for a vendor without a limit only
	changed time.Time

	run     int           // 429s without another answer in between
	asked   time.Duration // the latest Retry-After of the run
	askedTo time.Time     // the end of the latest Retry-After of the run
	until   time.Time     // the end of the rest
	probeAt time.Time     // the time of the next probe in a rest
	probes  time.Duration // the time between two probes; zero before the first rest of the run

	window time.Time // the start of the window in which answers are counted
	count  int       // answers in the window
	speed  float64   // answers a second in the window before
}

// penalize accounts for a 429 with the given Retry-After, zero without one. rate is the
// configured rate.
func (t *throttle) penalize(now time.Time, after time.Duration, rate float64) {
	t.measure(now)
	after = min(after, throttleRest)
	if until := now.Add(after); until.After(t.askedTo) {
		t.asked, t.askedTo = after, until
	}
	if t.run > 0 && t.askedTo.After(t.until) {
		t.rest(now, rate)
	}
	t.run++
	if now.Sub(t.changed) < throttleEvery {
		return
	}
	if t.cut == 0 && rate == unlimited {
		t.full = max(throttleGuess, t.speed, float64(t.count))
	}
	t.cut = 1 - max((1-t.cut)/2, throttleFloor)
	t.changed = now
}

// rest begins a rest, or makes it longer. Two probes are no closer than the rate allows.
func (t *throttle) rest(now time.Time, rate float64) {
	t.until = t.askedTo
	least := throttleProbe
	if rate > 0 && rate < unlimited {
		least = max(least, time.Duration(float64(time.Second)/rate))
	}
	t.probes = max(t.probes, least)
	if next := now.Add(t.probes); next.After(t.probeAt) {
		t.probeAt = next
	}
}

// isResting reports whether a rest is on.
func (t *throttle) isResting(now time.Time) bool { return now.Before(t.until) }

// probed accounts for a probe that starts now.
func (t *throttle) probed(now time.Time) {
	t.probes = max(t.probes, min(2*t.probes, t.asked))
	t.probeAt = now.Add(t.probes)
}

// answered accounts for any answer but a 429.
func (t *throttle) answered(now time.Time) {
	t.measure(now)
	if t.run > 0 {
		t.run = 0
		t.asked = 0
		t.askedTo = time.Time{}
		t.until = time.Time{}
		t.probeAt, t.probes = time.Time{}, 0
		t.cut = min(t.cut, 1-throttleStep)
	}
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
		t.speed = float64(t.count) / past.Seconds()
		t.count = 0
		t.window = now
	}
	t.count++
}
