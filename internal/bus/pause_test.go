package bus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
)

const lifecycle = "usher-acme-lifecycle"

func TestAPausedLaneDeliversNothingUntilItIsResumed(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	l := lane(t, b, 30*time.Second)
	if _, err := b.Send(t.Context(), event(t, "e1")); err != nil {
		t.Fatal(err)
	}
	if err := b.Pause(t.Context(), bus.EventsStream, lifecycle, time.Now().Add(100*365*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s, err := b.State(t.Context(), bus.EventsStream, lifecycle); err != nil || time.Until(s.PausedTo) < 99*365*24*time.Hour {
		t.Errorf("got a pause until %v (%v), want a hundred years", s.PausedTo, err)
	}
	if got := fetch(t, l, 1, 500*time.Millisecond); len(got) > 0 {
		t.Errorf("got %v while it is paused", got)
	}
	for range 2 { // the second time it is not paused any more
		if err := b.Resume(t.Context(), bus.EventsStream, lifecycle); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]uint64{1}, fetch(t, l, 1, natstest.Patience)); diff != "" {
		t.Errorf("after it was resumed (-want +got):\n%s", diff)
	}
	if s, err := b.State(t.Context(), bus.EventsStream, lifecycle); err != nil || !s.PausedTo.IsZero() {
		t.Errorf("got a pause until %v (%v), want none", s.PausedTo, err)
	}
}

func TestAPauseEndsByItself(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	l := lane(t, b, 30*time.Second)
	if _, err := b.Send(t.Context(), event(t, "e1")); err != nil {
		t.Fatal(err)
	}
	if err := b.Pause(t.Context(), bus.EventsStream, lifecycle, time.Now().Add(500*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint64{1}, fetch(t, l, 1, natstest.Patience)); diff != "" {
		t.Errorf("after its time (-want +got):\n%s", diff)
	}
}

func TestALaneThatNobodyServedCannotBePaused(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	if err := b.Pause(t.Context(), bus.EventsStream, lifecycle, time.Now().Add(time.Hour)); !errors.Is(err, bus.ErrNoConsumer) {
		t.Errorf("got %v, want %v", err, bus.ErrNoConsumer)
	}
	if err := b.Resume(t.Context(), bus.EventsStream, lifecycle); !errors.Is(err, bus.ErrNoConsumer) {
		t.Errorf("got %v, want %v", err, bus.ErrNoConsumer)
	}
}
