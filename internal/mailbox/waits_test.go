package mailbox

import (
	"strconv"
	"testing"
	"time"
)

func TestWaits(t *testing.T) {
	var w waits
	noon := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	want := func(step string, users int, since time.Time) {
		t.Helper()
		if got := w.sum(); got != (Waits{users, since}) {
			t.Errorf("%s: got %+v, want %d users since %s", step, got, users, since)
		}
	}
	want("at first", 0, time.Time{})
	w.note("a", noon)
	w.note("b", noon.Add(-time.Hour))
	w.note("a", noon.Add(time.Minute))
	want("two users", 2, noon.Add(-time.Hour))
	w.note("b", time.Time{})
	w.note("c", time.Time{})
	want("one has ended", 1, noon.Add(time.Minute))
	for i := range 2 * mostWaits {
		w.note(strconv.Itoa(i), noon)
	}
	w.note("a", noon.Add(-time.Minute)) // known users go on
	want("beyond the bound", mostWaits, noon.Add(-time.Minute))
}
