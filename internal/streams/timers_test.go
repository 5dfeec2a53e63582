package streams_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/streams"
)

func openTimers(t *testing.T, e *env) *streams.Timers {
	t.Helper()
	timers, err := streams.OpenTimers(t.Context(), e.client())
	check(t, err)
	return timers
}

func arm(t *testing.T, timers *streams.Timers, token uint64, due time.Time) {
	t.Helper()
	check(t, timers.Arm(t.Context(), streams.Timer{Vendor: vendor, Digest: "d", Token: token, Due: due}))
}

func wantArmed(t *testing.T, timers *streams.Timers, want ...string) {
	t.Helper()
	got, err := timers.Armed(t.Context(), vendor)
	check(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("armed (-want +got)\n%s", diff)
	}
}

func TestATimerFiresIntoAWake(t *testing.T) {
	e := ensured(t)
	timers := openTimers(t, e)
	wakes := openWakes(t, timers, 1)
	due := time.Now().Add(300 * time.Millisecond)
	arm(t, timers, 1, due)
	w := fetch(t, wakes, 1)[0]
	if w.Digest != "d" || time.Now().Before(due) {
		t.Errorf("got %q before its time", w.Digest)
	}
	wantArmed(t, timers)
	check(t, w.Ack())
	until(t, "the wake is removed", func() bool { return e.info("TIMERS").State.Msgs == 0 })
}

func TestArmReplacesWithinAToken(t *testing.T) {
	timers := openTimers(t, ensured(t))
	arm(t, timers, 1, time.Now().Add(time.Hour))
	wantArmed(t, timers, "d.1")
	wakes := openWakes(t, timers, 1)
	arm(t, timers, 1, time.Now())
	fetch(t, wakes, 1)
	wantArmed(t, timers)
}

// A former owner that thaws cannot replace the owner's timer by a later one.
func TestAFormerOwnersTimerReplacesNothing(t *testing.T) {
	timers := openTimers(t, ensured(t))
	wakes := openWakes(t, timers, 2)
	arm(t, timers, 2, time.Now().Add(500*time.Millisecond))
	arm(t, timers, 1, time.Now().Add(time.Hour))
	if w := fetch(t, wakes, 1)[0]; w.Digest != "d" {
		t.Errorf("got %q", w.Digest)
	}
	wantArmed(t, timers, "d.1")
}

func TestADueTimeIsExact(t *testing.T) {
	e := ensured(t)
	due := time.Now().Add(time.Hour).Truncate(time.Second).Add(123456789)
	arm(t, openTimers(t, e), 1, due)
	m, err := e.stream("TIMERS").GetLastMsgForSubject(t.Context(), "usher.timer.lms.d.1")
	check(t, err)
	at, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(m.Header.Get("Nats-Schedule"), "@at "))
	check(t, err)
	if !at.Equal(due) {
		t.Errorf("got %s, want %s", at, due)
	}
}

func TestArmRefusesNames(t *testing.T) {
	timers := openTimers(t, ensured(t))
	for _, timer := range []streams.Timer{
		{Vendor: "a.b", Digest: "d"}, {Vendor: "", Digest: "d"}, {Vendor: "a", Digest: "*"}, {Vendor: "a", Digest: "a b"}, {Vendor: "a", Digest: "sentinel"},
	} {
		if err := timers.Arm(t.Context(), timer); err == nil {
			t.Errorf("%+v was armed", timer)
		}
	}
}

func TestTimersSurviveAKillOfTheServer(t *testing.T) {
	e := ensured(t)
	timers := openTimers(t, e)
	nonce, err := timers.Sentinel(t.Context(), vendor)
	check(t, err)
	arm(t, timers, 1, time.Now().Add(2*time.Second))
	e.kill()
	var wakes *streams.Wakes
	until(t, "the wakes are open", func() bool {
		wakes, err = timers.Wakes(t.Context(), vendor, 1)
		return err == nil
	})
	t.Cleanup(func() { check(t, wakes.Close(t.Context())) })
	fetch(t, wakes, 1)
	if again, err := timers.Sentinel(t.Context(), vendor); err != nil || again != nonce {
		t.Errorf("got sentinel %q (%v), want %q", again, err, nonce)
	}
}

func TestTheSentinelShowsAPurge(t *testing.T) {
	e := ensured(t)
	timers := openTimers(t, e)
	first, err := timers.Sentinel(t.Context(), vendor)
	check(t, err)
	if again, err := timers.Sentinel(t.Context(), vendor); err != nil || again != first || first == "" {
		t.Errorf("got %q, then %q (%v)", first, again, err)
	}
	wantArmed(t, timers)
	e.purge("TIMERS")
	second, err := timers.Sentinel(t.Context(), vendor)
	check(t, err)
	check(t, e.js.DeleteStream(t.Context(), "TIMERS"))
	e.ensure()
	third, err := timers.Sentinel(t.Context(), vendor)
	check(t, err)
	if first == second || second == third {
		t.Errorf("got %q, %q and %q, want three nonces", first, second, third)
	}
}

func TestTheSentinelIsPlantedOnce(t *testing.T) {
	timers := openTimers(t, ensured(t))
	nonces := make(chan string, 8)
	var wg sync.WaitGroup
	for range cap(nonces) {
		wg.Go(func() {
			nonce, err := timers.Sentinel(t.Context(), vendor)
			if err != nil {
				t.Error(err)
			}
			nonces <- nonce
		})
	}
	wg.Wait()
	close(nonces)
	first := <-nonces
	for nonce := range nonces {
		if nonce != first {
			t.Errorf("got %q and %q", first, nonce)
		}
	}
}

func TestNamesOfVendors(t *testing.T) {
	e := ensured(t)
	timers := openTimers(t, e)
	if _, err := timers.Sentinel(t.Context(), "a.b"); err == nil {
		t.Error("a sentinel of a.b")
	}
	if _, err := timers.Wakes(t.Context(), "a.>", 1); err == nil {
		t.Error("wakes of a.>")
	}
	if _, err := streams.OpenOwnership(t.Context(), e.client(), ""); err == nil {
		t.Error("ownership of nothing")
	}
	if _, err := openLeases(t, e, 0).Acquire(t.Context(), "a b", "x"); err == nil || errors.Is(err, streams.ErrHeld) {
		t.Error("a lease of a b")
	}
}
