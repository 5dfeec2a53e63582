package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
)

// TestAStreamThatIsBehindIsNotServed takes the last events away from a stream
// that was remembered, as a power cut does.
func TestAStreamThatIsBehindIsNotServed(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	for _, id := range []string{"e1", "e2", "e3"} {
		if _, err := b.Send(t.Context(), event(t, id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Remember(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Ensure(t.Context()); err != nil {
		t.Fatalf("got %v of a stream that is as it was", err)
	}
	kv, err := b.JetStream().KeyValue(t.Context(), bus.ControlKV)
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
	if err := b.Ensure(t.Context()); err == nil || !bus.Lasting(err) || !strings.Contains(err.Error(), "ends at 3, and had come to 4") {
		t.Errorf("got %v, want that it is behind, and that this lasts", err)
	}
	if err := b.Remember(t.Context()); err == nil {
		t.Error("how far it had come is forgotten")
	}
	if err := b.JetStream().DeleteStream(t.Context(), bus.EventsStream); err != nil {
		t.Fatal(err)
	}
	if err := b.Ensure(t.Context()); err != nil {
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

// Another process remembers newer events at any moment of a look at the stream.
func TestAStreamThatGrowsIsNotBehind(t *testing.T) {
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t, bus.EmbeddedOptions{}))
	b := natstest.Ensure(t, nc, layout)
	other, err := bus.New(nc, layout)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	b.SetJetStream(interrupted{b.JetStream(), func() {
		n++
		if _, err := other.Send(t.Context(), event(t, fmt.Sprint("e", n))); err != nil {
			t.Fatal(err)
		}
		if err := other.Remember(t.Context()); err != nil {
			t.Fatal(err)
		}
	}})
	for range 3 {
		if err := b.Remember(t.Context()); err != nil {
			t.Errorf("got %v of a stream that grows", err)
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
	theirs, nc := world(t, l)
	js := theirs.JetStream()
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "PLATFORM", Subjects: []string{"platform.x"}}); err != nil {
		t.Fatal(err)
	}
	ours, err := bus.New(nc, layout)
	if err == nil {
		err = errors.Join(ours.Ensure(t.Context()), ours.Remember(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), bus.EventsStream); err != nil {
		t.Fatal(err)
	}
	if _, err := js.UpdateStream(t.Context(), jetstream.StreamConfig{Name: "PLATFORM", Subjects: events.Types()}); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Ensure(t.Context()); err == nil || !bus.Lasting(err) || !strings.Contains(err.Error(), "before EVENTS") {
		t.Errorf("got %v, want that it is the older one, and that this lasts", err)
	}
}
