package bus_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
)

// replica answers as one that has not heard of any message, to so many readings.
type replica struct {
	jetstream.JetStream
	deaf int
}

func (r *replica) CreateConsumer(ctx context.Context, stream string, c jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	if r.deaf > 0 {
		r.deaf--
		c.OptStartSeq = 1 << 20
	}
	return r.JetStream.CreateConsumer(ctx, stream, c)
}

func TestAReplicaThatIsBehindIsReadAgain(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	lane, err := b.Lane(t.Context(), bus.LaneConfig{Stream: bus.EventsStream, Name: "l", Subjects: []string{events.UserCreated, events.UserDeleted}, AckWait: time.Minute, MaxAckPending: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{events.UserCreated, events.UserDeleted} {
		if _, err := b.JetStream().Publish(t.Context(), kind, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := lane.Fetch(2, natstest.Patience, func(*bus.Message) {}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		deaf int
		want []uint64
	}{
		"for a while":   {1, []uint64{1, 2}},
		"for very long": {bus.ReadReplica + 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b.SetJetStream(&replica{b.JetStream(), c.deaf})
			var got []uint64
			_, err := lane.Delivered(t.Context(), 0, func(m *bus.Message) { got = append(got, m.Seq) })
			if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
				t.Errorf("got %v (%v), want %v", got, err, c.want)
			}
		})
	}
}
