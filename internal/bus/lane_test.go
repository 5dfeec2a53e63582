package bus_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
)

// TestWhatIsNotOfTheLaneIsNotWaitedFor has a consumer that delivered more than the
// lane names, as where a newer version made it. With replicas the server counts all
// that it has passed over as delivered, to the same effect.
func TestWhatIsNotOfTheLaneIsNotWaitedFor(t *testing.T) {
	b := ensured(t)
	c := bus.LaneConfig{Name: lifecycle, Stream: bus.EventsStream, Subjects: []string{events.UserCreated, events.UserUpdated}, AckWait: 30 * time.Second, MaxAckPending: 100}
	newer, err := b.Lane(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for i, kind := range []string{events.UserCreated, events.UserUpdated} {
		if _, err := b.JetStream().Publish(t.Context(), kind, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := newer.Fetch(2, 2*time.Second, func(*bus.Message) {}); err != nil {
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
