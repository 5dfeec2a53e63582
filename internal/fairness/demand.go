package fairness

import "time"

// demandSpan is the time over which the demand of a process is measured, and the least time
// between two changes of the demand.
const demandSpan = 10 * time.Second

// demand measures the recent calls of a process.
type demand struct {
	waited time.Time // the last time at which a call waited
	window time.Time // the start of the window in which calls are counted
	count  int       // calls in the window
	speed  float64   // calls a second in the window before
}

// started counts a call that starts.
func (d *demand) started(now time.Time) {
	d.roll(now)
	d.count++
}

func (d *demand) roll(now time.Time) {
	if past := now.Sub(d.window); past >= demandSpan {
		d.speed = float64(d.count) / past.Seconds()
		d.count = 0
		d.window = now
	}
}

// isAbove reports whether calls have waited lately, or were faster than the rate.
func (d *demand) isAbove(now time.Time, rate float64) bool {
	d.roll(now)
	return now.Sub(d.waited) < demandSpan || max(d.speed, float64(d.count)/demandSpan.Seconds()) > rate
}
