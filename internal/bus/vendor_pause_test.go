package bus_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
)

// watchPauses returns a function that waits until the pauses are as wanted.
func watchPauses(t *testing.T, b *bus.Bus) (await func(want map[string]bus.Pause)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	seen, done := make(chan map[string]bus.Pause, 100), make(chan struct{})
	go func() {
		defer close(done)
		b.WatchPauses(ctx, func(all map[string]bus.Pause) { seen <- all })
	}()
	t.Cleanup(func() { stop(); <-done })
	return func(want map[string]bus.Pause) {
		t.Helper()
		end := time.After(natstest.Patience)
		for {
			select {
			case got := <-seen:
				if reflect.DeepEqual(got, want) {
					return
				}
			case <-end:
				t.Fatalf("the pauses are never %v", want)
			}
		}
	}
}

func TestPausesAreSeenByAll(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	await := watchPauses(t, b)
	await(map[string]bus.Pause{})
	now := time.Now().UTC().Truncate(time.Second)
	limited, open := bus.Pause{Since: now, Until: now.Add(time.Hour)}, bus.Pause{Since: now}
	for vendor, p := range map[string]bus.Pause{"acme": limited, "other": open, "past": {Since: now, Until: now.Add(-time.Second)}} {
		if err := b.SetPause(t.Context(), vendor, p); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bus.Pause{"acme": limited, "other": open}
	await(want)
	watchPauses(t, b)(want) // of a process that begins later
	if got, err := b.Pauses(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
	for range 2 { // the second time there is none
		if err := b.ClearPause(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
	}
	await(map[string]bus.Pause{"other": open})
}

func TestAPauseThatCannotBeReadIsAPause(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	control, err := b.JetStream().KeyValue(t.Context(), bus.ControlKV)
	if err == nil {
		_, err = control.Put(t.Context(), "pause.acme", []byte("{"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Pauses(t.Context()); err != nil || !reflect.DeepEqual(got, map[string]bus.Pause{"acme": {}}) {
		t.Errorf("got %v (%v), want a pause", got, err)
	}
}
