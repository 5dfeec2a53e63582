package console

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSeries(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := newSeries()
	for range 4 {
		s.add(now.Add(-3*time.Second), kindDone)
	}
	s.add(now.Add(-3*time.Second), kindFailed)
	s.add(now.Add(-20*time.Second), kindSkipped)
	s.add(now.Add(-400*time.Second), kindFailed)
	s.add(now, kindDone) // in the running second
	s.add(now.Add(-300*time.Second), kindDone)
	s.add(now.Add(-50*time.Minute), kindFailed)
	s.add(now.Add(-2*time.Hour), kindDone)
	s.add(now.Add(-25*time.Hour), kindDone) // too long ago
	if diff := cmp.Diff(count{All: 5, Failed: 1}, s.over(now, 10)); diff != "" {
		t.Errorf("of the last 10 s (-want +got)\n%s", diff)
	}
	for w, want := range map[window]count{fiveMinutes: {7, 1, 1}, hour: {10, 3, 1}, day: {11, 3, 1}} {
		if diff := cmp.Diff(want, w.sum(s, now)); diff != "" {
			t.Errorf("in the last %s (-want +got)\n%s", w.Words, diff)
		}
	}
	c := fiveMinutes.chart(s, now)
	last := len(c.Well) - 1
	if last != 59 || c.End != now.Unix() || c.Well[last] != 0.8 || c.Failed[last] != 0.2 || c.Well[last-3] != 0.2 {
		t.Errorf("got %d points, %+v", last+1, c)
	}
	sum, failed := 0.0, hour.chart(s, now).Failed
	for _, n := range failed[:59] {
		sum += n * 60
	}
	if running := failed[59] * 20; sum < 1.99 || sum > 2.01 || running < 0.99 || running > 1.01 { // the minute runs for 20 s
		t.Errorf("the chart of the hour has %.2f failures and %.2f in the running minute, want 2 and 1", sum, running)
	}
}

func TestRingForgetsOlderSteps(t *testing.T) {
	r := ring{step: 60, cells: make([]cell, 3)}
	at := time.Unix(6000, 0)
	for range 2 {
		r.add(at, kindFailed)
	}
	r.add(at.Add(3*time.Minute), kindDone) // the same cell
	r.add(at, kindFailed)                  // late
	if got := r.sum(0, 1000); got != (count{All: 1}) {
		t.Errorf("got %+v", got)
	}
}

func TestQuantiles(t *testing.T) {
	s := newSeries()
	if _, ok := s.quantile(0.5); ok {
		t.Error("there is a median of nothing")
	}
	for i := range int64(3 * tookTimes) {
		s.note(i)
	}
	for share, want := range map[float64]int64{0.5: 502, 0.95: 592, 1: 602} {
		if got, _ := s.quantile(share); got != want {
			t.Errorf("%v: got %d, want %d", share, got, want)
		}
	}
}

func TestShareIsNeverRoundedUp(t *testing.T) {
	for want, c := range map[string]count{"100 %": {All: 5}, "99.9 %": {All: 1_000_000, Failed: 1}, "0 %": {All: 3, Failed: 3}, "66.6 %": {All: 3, Failed: 1}} {
		if got := share(c); got != want {
			t.Errorf("%+v: got %s, want %s", c, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	now := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	for want, at := range map[string]time.Time{
		"now": now, "5 s ago": now.Add(-5 * time.Second), "in 2 min": now.Add(2 * time.Minute), "3 h ago": now.Add(-200 * time.Minute), "in 2 h": now.Add(2*time.Hour - time.Second), "in 3 days": now.Add(75 * time.Hour),
	} {
		if got := ago(now, at); got != want {
			t.Errorf("%s: got %q, want %q", at, got, want)
		}
	}
	for n, want := range map[any]string{0: "0", 999: "999", 1000: "1\u202f000", uint64(1234567): "1\u202f234\u202f567", int64(-5): "-5"} {
		if got := number(n); got != want {
			t.Errorf("%v: got %q, want %q", n, got, want)
		}
	}
	for n, want := range map[any]string{0: "0 effects", 1: "1 effect", uint64(1): "1 effect", uint64(1000): "1\u202f000 effects"} {
		if got := plural(n, "effect"); got != want {
			t.Errorf("%v: got %q, want %q", n, got, want)
		}
	}
	if got := oneLine(" a\nb\x00\tc "); got != "a b c" {
		t.Errorf("got %q", got)
	}
}
