package bus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
)

// TestWhatIsNotOfTheLaneIsNotWaitedFor has a consumer that delivered more than the
// lane names, as where a newer version made it. With replicas the server counts all
// that it has passed over as delivered, to the same effect.
func TestWhatIsNotOfTheLaneIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	c := bus.LaneConfig{Name: "usher-acme-lifecycle", Stream: bus.EventsStream, Subjects: []string{events.UserCreated, events.UserUpdated}, AckWait: 30 * time.Second, MaxAckPending: 100}
	newer, err := b.Lane(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for i, kind := range []string{events.UserCreated, events.UserUpdated} {
		if _, err := b.JetStream().Publish(t.Context(), kind, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := newer.Fetch(2, natstest.Patience, func(*bus.Message) {}); err != nil {
		t.Fatal(err)
	}
	c.Subjects = []string{events.UserCreated, events.UserDeleted}
	older, err := b.Lane(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var got []uint64
	upTo, err := older.Delivered(t.Context(), 0, func(m *bus.Message) { got = append(got, m.Seq) })
	if diff := cmp.Diff([]uint64{1}, got); diff != "" || upTo != 2 || err != nil {
		t.Errorf("up to %d (%v), want 2 (-want +got):\n%s", upTo, err, diff)
	}
}

// TestAMessageThatWasPublishedWithAPin is about a relay that passes on all headers
// that it got: the lane goes on at once, and not when its pin has run out.
func TestAMessageThatWasPublishedWithAPin(t *testing.T) {
	t.Parallel()
	for name, pinned := range map[string]bool{"a pinned lane": true, "a shared lane": false} {
		t.Run(name, func(t *testing.T) {
			b := ensured(t)
			l, err := b.Lane(t.Context(), bus.LaneConfig{
				Name: "l", Stream: bus.EventsStream, Subjects: []string{events.UserCreated}, Pinned: pinned, AckWait: time.Hour, MaxAckPending: 100,
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, header := range []nats.Header{nil, {"Nats-Pin-Id": {"theirs"}}, nil} {
				if _, err := b.JetStream().PublishMsg(t.Context(), &nats.Msg{Subject: events.UserCreated, Header: header}); err != nil {
					t.Fatal(err)
				}
			}
			pins := map[uint64]string{}
			for range 4 { // one more, where a pin is made anew
				err := l.Fetch(1, natstest.Patience, func(m *bus.Message) { pins[m.Seq] = m.Pin })
				if err != nil && !errors.Is(err, bus.ErrUnpinned) {
					t.Fatal(err)
				}
				if len(pins) == 3 {
					break
				}
			}
			if len(pins) < 3 || pins[2] == "theirs" || (pins[1] != "") != pinned || pins[2] != pins[1] {
				t.Errorf("got messages with the pins %v, want three, and the server's pins", pins)
			}
		})
	}
}
