package isolation

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Report holds the measurements of a run.
type Report struct {
	Factor     int           `json:"factor"`
	Healthy    int           `json:"healthy_users"`
	CapSeconds float64       `json:"cap_seconds"`
	Lines      []Measurement `json:"lines"`
}

// Measurement is one line as measured.
type Measurement struct {
	Line    int    `json:"line"`
	Trouble string `json:"trouble"`
	Vendor  string `json:"vendor"`
	Rate    int    `json:"rate"` // calls a second
	Alone   Times  `json:"alone"`
	Beside  Times  `json:"beside"`
	Met     bool   `json:"met"`
	Error   string `json:"error,omitempty"` // the error of a line that could not run
	Logs    string `json:"logs,omitempty"`  // the directory with the logs, kept after an error or a missed goal
}

// Times holds the times of healthy users in seconds, in order.
type Times struct {
	Seconds []float64 `json:"seconds"`
	More    bool      `json:"more,omitempty"` // whether a further user had no result at the cap
}

// Median returns the median in seconds, false if it is beyond the cap. A user
// without a result counts as slower than all others.
func (t Times) Median() (float64, bool) {
	s := slices.Sorted(slices.Values(t.Seconds))
	n := len(s)
	if t.More {
		n++
	}
	if n == 0 || n/2 >= len(s) {
		return 0, false
	}
	return s[n/2], true
}

// Max returns the longest time in seconds, false if it is beyond the cap.
func (t Times) Max() (float64, bool) {
	if t.More || len(t.Seconds) == 0 {
		return 0, false
	}
	return slices.Max(t.Seconds), true
}

// Met reports whether the goal is met: the longest time beside the trouble is at
// most 3 times the median alone, and 1 second. The longest time alone does not
// count: one slow user would loosen the goal.
func Met(alone, beside Times) bool {
	median, known := alone.Median()
	longest, within := beside.Max()
	return known && within && longest <= 3*median+1
}

// Missed returns the measured lines that miss the goal.
func (r *Report) Missed() (missed []Measurement) {
	for _, m := range r.Lines {
		if !m.Met && m.Error == "" {
			missed = append(missed, m)
		}
	}
	return missed
}

// Table returns the report as a table in Markdown.
func (r *Report) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Limits of production, scaled by %d (rates × %d, times ÷ %d); %d healthy users one after the other; cap %.0f s.\n\n",
		r.Factor, r.Factor, r.Factor, r.Healthy, r.CapSeconds)
	b.WriteString("| line | trouble of others | vendor, rate | alone p50 / max | beside p50 / max | max ≤ 3 × p50 alone + 1 s |\n|---|---|---|---|---|---|\n")
	for _, m := range r.Lines {
		verdict := "missed"
		switch {
		case m.Error != "":
			verdict = "not played"
		case m.Met:
			verdict = "met"
		}
		fmt.Fprintf(&b, "| %d | %s | %s, %d/s | %s | %s | %s |\n", m.Line, m.Trouble, m.Vendor, m.Rate, r.times(m.Alone), r.times(m.Beside), verdict)
	}
	return b.String()
}

// times returns median and maximum as text.
func (r *Report) times(t Times) string {
	if len(t.Seconds) == 0 && !t.More {
		return "–"
	}
	word := func(seconds float64, within bool) string {
		switch {
		case !within:
			return fmt.Sprintf("more than %.0f s", r.CapSeconds)
		case seconds < 1:
			return fmt.Sprintf("%.0f ms", seconds*1000)
		default:
			return time.Duration(seconds * float64(time.Second)).Round(100 * time.Millisecond).String()
		}
	}
	median, longest := word(t.Median()), word(t.Max())
	if _, within := t.Median(); !within {
		return longest
	}
	return median + " / " + longest
}

// WriteJSON writes the report into a file.
func (r *Report) WriteJSON(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}
