package admin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// TestAStreamThatIsBehindIsNotServed takes the last events away from a stream
// that was remembered, as a power cut does.
func TestAStreamThatIsBehindIsNotServed(t *testing.T) {
	t.Parallel()
	w := ensured(t)
	for _, id := range []string{"e1", "e2", "e3"} {
		if _, err := w.set.Events.Send(t.Context(), event(t, id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.SaveHighWater(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Ensure(t.Context()); err != nil {
		t.Fatalf("got %v of a stream that is as it was", err)
	}
	kv, err := w.js.KeyValue(t.Context(), streams.ControlBucket)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(t.Context(), "events")
	if err != nil {
		t.Fatal(err)
	}
	ahead := strings.Replace(string(entry.Value()), `"seq":3`, `"seq":4`, 1)
	if _, err := kv.Put(t.Context(), "events", []byte(ahead)); err != nil {
		t.Fatal(err)
	}
	if err := w.Ensure(t.Context()); err == nil || !admin.Permanent(err) || !strings.Contains(err.Error(), "ends at 3, and had come to 4") {
		t.Errorf("got %v, want that it is behind, and that this lasts", err)
	}
	if err := w.SaveHighWater(t.Context()); err == nil {
		t.Error("how far it had come is forgotten")
	}
	if err := w.js.DeleteStream(t.Context(), streams.EventsStream); err != nil {
		t.Fatal(err)
	}
	if err := w.Ensure(t.Context()); err != nil {
		t.Errorf("got %v of a stream that was made anew", err)
	}
}

// interrupted runs a function after each look at a stream or a key.
type interrupted struct {
	jetstream.JetStream

	between func()
}

func (i interrupted) KeyValue(ctx context.Context, name string) (jetstream.KeyValue, error) {
	kv, err := i.JetStream.KeyValue(ctx, name)
	return interruptedBucket{kv, i.between}, err
}

func (i interrupted) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	s, err := i.JetStream.Stream(ctx, name)
	i.between()
	return s, err
}

type interruptedBucket struct {
	jetstream.KeyValue

	between func()
}

func (b interruptedBucket) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	e, err := b.KeyValue.Get(ctx, key)
	b.between()
	return e, err
}

// Another process saves a newer mark between any two reads.
func TestAGrowingStreamIsServed(t *testing.T) {
	t.Parallel()
	w := ensured(t)
	n := 0
	client := w.set.Client
	client.JetStream = interrupted{w.js, func() {
		n++
		_, err := w.set.Events.Send(t.Context(), event(t, fmt.Sprint("e", n)))
		check(t, err)
		check(t, w.SaveHighWater(t.Context()))
	}}
	beside := admin.New(client, layout)
	for range 3 {
		if err := beside.SaveHighWater(t.Context()); err != nil {
			t.Errorf("got %v of a growing stream", err)
		}
	}
	if n < 3 {
		t.Errorf("the other process came in between %d times, want 3", n)
	}
}

// TestAnOlderStreamIsNotServed goes over to a stream that was there before EVENTS.
func TestAnOlderStreamIsNotServed(t *testing.T) {
	t.Parallel()
	l := layout
	l.Events, l.Own = "PLATFORM", false
	theirs := empty(t, l)
	js := theirs.js
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "PLATFORM", Subjects: []string{"platform.x"}}); err != nil {
		t.Fatal(err)
	}
	ours := worldOf(t, theirs.nc, layout)
	if err := errors.Join(ours.Ensure(t.Context()), ours.SaveHighWater(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), streams.EventsStream); err != nil {
		t.Fatal(err)
	}
	if _, err := js.UpdateStream(t.Context(), jetstream.StreamConfig{Name: "PLATFORM", Subjects: events.Types()}); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Ensure(t.Context()); err == nil || !admin.Permanent(err) || !strings.Contains(err.Error(), "before EVENTS") {
		t.Errorf("got %v, want that it is the older one, and that this lasts", err)
	}
}
