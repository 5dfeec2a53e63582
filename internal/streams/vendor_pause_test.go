package streams_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// watchPauses returns a function that waits until the pauses are as wanted.
func watchPauses(t *testing.T, set *streams.Set) (await func(want map[string]streams.Pause)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	seen, done := make(chan map[string]streams.Pause, 100), make(chan struct{})
	go func() {
		defer close(done)
		set.Control.WatchPauses(ctx, func(all map[string]streams.Pause) { seen <- all })
	}()
	t.Cleanup(func() { stop(); <-done })
	return func(want map[string]streams.Pause) {
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
	set := newSet(t)
	await := watchPauses(t, set)
	await(map[string]streams.Pause{})
	now := time.Now().UTC().Truncate(time.Second)
	limited, open := streams.Pause{Since: now, Until: now.Add(time.Hour)}, streams.Pause{Since: now}
	for vendor, p := range map[string]streams.Pause{"acme": limited, "other": open, "past": {Since: now, Until: now.Add(-time.Second)}} {
		if err := set.Control.SetPause(t.Context(), vendor, p); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]streams.Pause{"acme": limited, "other": open}
	await(want)
	watchPauses(t, set)(want) // of a process that begins later
	if got, err := set.Control.Pauses(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
	for range 2 { // the second time there is none
		if err := set.Control.ClearPause(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
	}
	await(map[string]streams.Pause{"other": open})
}

func TestAPauseThatCannotBeReadIsAPause(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	control, err := set.Client.JetStream.KeyValue(t.Context(), streams.ControlBucket)
	if err == nil {
		_, err = control.Put(t.Context(), "pause.acme", []byte("{"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, err := set.Control.Pauses(t.Context()); err != nil || !reflect.DeepEqual(got, map[string]streams.Pause{"acme": {}}) {
		t.Errorf("got %v (%v), want a pause", got, err)
	}
}
