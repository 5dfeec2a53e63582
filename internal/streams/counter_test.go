package streams_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

// The counter of timers follows every change of them: arming, arming again, firing.
func TestWaitingCounterCountsTimers(t *testing.T) {
	e := ensured(t)
	timers := openTimers(t, e)
	config := streams.Names{}.WaitingCounter(vendor, "waiting")
	for range 2 {
		check(t, streams.EnsureCounter(t.Context(), e.client(), config))
	}
	waiting := func() int {
		c, err := e.stream("TIMERS").Consumer(t.Context(), "waiting")
		check(t, err)
		return int(c.CachedInfo().NumPending)
	}
	want := func(when string, n, wakes int) {
		t.Helper()
		until(t, fmt.Sprintf("%s: %d timers and %d wakes", when, n, wakes), func() bool {
			got, err := timers.CountWakes(t.Context(), vendor)
			check(t, err)
			return waiting() == n && got == wakes
		})
	}
	_, err := timers.Sentinel(t.Context(), vendor)
	check(t, err)
	want("with the sentinel alone", 0, 0)
	armAll := func(n int, due time.Time) {
		for i := range n {
			check(t, timers.Arm(t.Context(), streams.Timer{Vendor: vendor, Digest: fmt.Sprint("d", i), Token: 7, Due: due}))
			check(t, timers.Arm(t.Context(), streams.Timer{Vendor: "other", Digest: fmt.Sprint("d", i), Token: 7, Due: due}))
		}
	}
	armAll(5, time.Now().Add(time.Hour))
	want("after arming", 5, 0)
	armAll(5, time.Now().Add(time.Hour))
	want("after arming again", 5, 0)
	armAll(3, time.Now())
	until(t, "three timers fired", func() bool { return waiting() == 2 })
	want("after firing", 2, 3)
	wakes := openWakes(t, timers, 8)
	want("beside the consumer of wakes", 2, 3)
	for _, w := range fetch(t, wakes, 3) {
		check(t, w.Ack())
	}
	until(t, "the wakes are acknowledged", func() bool { n, err := timers.CountWakes(t.Context(), vendor); return err == nil && n == 0 })
	want("at the end", 2, 0)
}

// Of all timers and wakes those of single events are counted apart.
func TestCountEvents(t *testing.T) {
	e := ensured(t)
	timers := openTimers(t, e)
	_, err := timers.Sentinel(t.Context(), vendor)
	check(t, err)
	check(t, timers.Keep(t.Context(), vendor, time.Now().Add(time.Hour)))
	for _, due := range []time.Time{time.Now(), time.Now().Add(time.Hour)} {
		for i, digest := range []string{"d", "d.e"} {
			name := digest + fmt.Sprint(due.Unix())
			check(t, timers.Arm(t.Context(), streams.Timer{Vendor: vendor, Digest: name, Token: uint64(i), Due: due}))
			check(t, timers.Arm(t.Context(), streams.Timer{Vendor: "other", Digest: name, Token: uint64(i), Due: due}))
		}
	}
	until(t, "two timers fired", func() bool { n, err := timers.CountWakes(t.Context(), vendor); return err == nil && n == 2 })
	if n, err := timers.CountEvents(t.Context(), vendor); err != nil || n != 2 {
		t.Errorf("got %d, %v, want a timer and a wake", n, err)
	}
}

// A timer that keeps a process is counted, and its wake comes to nobody.
func TestKeepIsCountedAndWakesNobody(t *testing.T) {
	e := ensured(t)
	timers := openTimers(t, e)
	config := streams.Names{}.WaitingCounter(vendor, "waiting")
	check(t, streams.EnsureCounter(t.Context(), e.client(), config))
	for range 2 {
		check(t, timers.Keep(t.Context(), vendor, time.Now().Add(time.Hour)))
	}
	until(t, "one timer is counted", func() bool {
		c, err := e.stream("TIMERS").Consumer(t.Context(), "waiting")
		check(t, err)
		return c.CachedInfo().NumPending == 1
	})
	check(t, timers.Keep(t.Context(), vendor, time.Now()))
	wakes := openWakes(t, timers, 1)
	until(t, "its wake is gone", func() bool {
		got, err := wakes.Fetch(t.Context(), 5, 50*time.Millisecond)
		check(t, err)
		if len(got) > 0 {
			t.Fatalf("got %v", digests(got))
		}
		return e.info("TIMERS").State.Msgs == 0
	})
	if err := timers.Arm(t.Context(), streams.Timer{Vendor: vendor, Digest: "keep", Token: 1, Due: time.Now()}); err == nil {
		t.Error("a user may have the reserved digest")
	}
}

func TestHolderOfALease(t *testing.T) {
	e := ensured(t)
	leases, err := streams.OpenLeases(t.Context(), e.client(), time.Second)
	check(t, err)
	holder := func() string {
		name, err := leases.Holder(t.Context(), vendor)
		check(t, err)
		return name
	}
	if got := holder(); got != "" {
		t.Errorf("got %q before the first lease", got)
	}
	lease, err := leases.Acquire(t.Context(), vendor, "process-1")
	check(t, err)
	if got := holder(); got != "process-1" {
		t.Errorf("got %q, want process-1", got)
	}
	check(t, lease.Release(t.Context()))
	if got := holder(); got != "" {
		t.Errorf("got %q after the release", got)
	}
	_, err = leases.Acquire(t.Context(), vendor, "process-2")
	check(t, err)
	until(t, "the lease has expired", func() bool { return holder() == "" })
}
