package console

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSeries(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := &series{}
	for range 4 {
		s.add(now.Add(-3*time.Second), kindDone)
	}
	s.add(now.Add(-3*time.Second), kindFailed)
	s.add(now.Add(-20*time.Second), kindSkipped)
	s.add(now.Add(-400*time.Second), kindFailed) // too long ago
	s.add(now, kindDone)                         // in the second that runs
	s.add(now.Add(-window*time.Second), kindDone)
	if diff := cmp.Diff(count{All: 5, Failed: 1}, s.over(now, 10)); diff != "" {
		t.Errorf("of the last 10 s (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(count{All: 6, Failed: 1}, s.over(now, window-1)); diff != "" {
		t.Errorf("of all (-want +got)\n%s", diff)
	}
	c := s.chart(now)
	last := len(c.Well) - 1
	if last != window/step-2 || c.End != now.Unix() || c.Well[last] != 0.8 || c.Failed[last] != 0.2 || c.Well[last-3] != 0.2 {
		t.Errorf("got %d points, %+v", last+1, c)
	}
}

func TestMedian(t *testing.T) {
	s := &series{}
	if _, ok := s.median(); ok {
		t.Error("there is a median of nothing")
	}
	for i := range int64(3 * medianTimes) {
		s.note(i)
	}
	if got, _ := s.median(); got != 3*medianTimes-1-medianTimes/2 {
		t.Errorf("got %d", got)
	}
}

func TestShareIsNeverRoundedUp(t *testing.T) {
	for want, c := range map[string]count{"100 %": {5, 0}, "99.9 %": {1_000_000, 1}, "0 %": {3, 3}, "66.6 %": {3, 1}} {
		if got := share(c); got != want {
			t.Errorf("%+v: got %s, want %s", c, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	now := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	for want, at := range map[string]time.Time{
		"now": now, "5 s ago": now.Add(-5 * time.Second), "in 2 min": now.Add(2 * time.Minute), "3 h ago": now.Add(-200 * time.Minute), "in 3 days": now.Add(75 * time.Hour),
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
