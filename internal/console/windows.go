package console

import "time"

// window is a span of time over which effects are counted.
type window struct {
	Name   string // in URLs
	Words  string
	Points int64 // of a chart
	step   int64 // seconds of a point
	minute bool  // counted by the minute
}

// The windows of the overview and of the page of a vendor.
var (
	fiveMinutes = window{Name: "5m", Words: "5 minutes", Points: 60, step: 5}
	hour        = window{Name: "1h", Words: "hour", Points: 60, step: 60, minute: true}
	day         = window{Name: "1d", Words: "day", Points: 96, step: 900, minute: true}
	windows     = []window{fiveMinutes, hour, day}
)

// windowNamed returns the window of a name, or the shortest.
func windowNamed(name string) window {
	for _, w := range windows {
		if w.Name == name {
			return w
		}
	}
	return fiveMinutes
}

// Span returns the length of the window.
func (w window) Span() time.Duration { return time.Duration(w.Points*w.step) * time.Second }

// ring returns the counts of a series that hold the window, and the steps of the window. A window by
// the minute includes the running minute, a window by the second ends before the running second.
func (w window) ring(s *series, now time.Time) (r *ring, from, to int64) {
	if w.minute {
		to = now.Unix()/60 + 1
		return &s.minutes, to - w.Points*w.step/60, to
	}
	return &s.seconds, now.Unix() - w.Points*w.step, now.Unix()
}

// sum returns the count of a series in the window.
func (w window) sum(s *series, now time.Time) count {
	r, from, to := w.ring(s, now)
	return r.sum(from, to)
}

// chart holds the effects a second of one vendor over a window, oldest first.
type chart struct {
	End    int64     `json:"end"`   // Unix time of the end of the last point
	Step   int64     `json:"step"`  // seconds between points
	Words  string    `json:"words"` // of the window
	Well   []float64 `json:"well"`
	Failed []float64 `json:"failed"`
}

// chart returns the chart of a series. Points begin at multiples of their step. The running point is
// left out, or by the minute counts for the seconds that have passed.
func (w window) chart(s *series, now time.Time) chart {
	r, _, _ := w.ring(s, now)
	end := now.Unix() / w.step * w.step
	if w.minute {
		end += w.step
	}
	c := chart{End: end, Step: w.step, Words: w.Words}
	for from := end - w.Points*w.step; from < end; from += w.step {
		sum := r.sum(from/r.step, (from+w.step)/r.step)
		seconds := float64(max(1, min(w.step, now.Unix()-from)))
		c.Well = append(c.Well, float64(sum.All-sum.Failed)/seconds)
		c.Failed = append(c.Failed, float64(sum.Failed)/seconds)
	}
	return c
}
