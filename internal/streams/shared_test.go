package streams_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

const sharedName = "usher-lms-activity"

func openShared(t *testing.T, e *env) *streams.Shared {
	t.Helper()
	s, err := streams.OpenShared(t.Context(), e.client(), streams.SharedConfig{
		Stream: "EVENTS", Consumer: sharedName, Subjects: []string{"user.created"}, AckWait: time.Minute, MaxAckPending: 1000,
	})
	check(t, err)
	return s
}

// take fetches n events.
func take(t *testing.T, s *streams.Shared, n int) (list []*streams.Delivery) {
	t.Helper()
	until(t, "the events came", func() bool {
		_ = s.Fetch(t.Context(), n-len(list), 200*time.Millisecond, func(d *streams.Delivery) { list = append(list, d) })
		return len(list) >= n
	})
	return list
}

// taken returns the sequences of deliveries, and those that are marked as repeated.
func taken(list []*streams.Delivery) (seqs, again []uint64) {
	for _, d := range list {
		seqs = append(seqs, d.Position.Seq)
		if d.Again {
			again = append(again, d.Position.Seq)
		}
	}
	return seqs, again
}

func TestSharedDeliversToOneAtATime(t *testing.T) {
	e := start(t)
	e.events(6)
	a, b := openShared(t, e), openShared(t, e)
	first, second := take(t, a, 3), take(t, b, 3)
	got, again := taken(append(first, second...))
	if want := []uint64{1, 2, 3, 4, 5, 6}; !slices.Equal(got, want) || len(again) > 0 {
		t.Errorf("got %v, again %v, want %v", got, again, want)
	}
	for _, d := range append(first, second...) {
		check(t, d.Ack())
	}
	until(t, "nothing is left", func() bool { return e.sharedInfo().NumAckPending == 0 })
}

func TestSharedMarksARepeatedDelivery(t *testing.T) {
	e := start(t)
	e.events(1)
	s := openShared(t, e)
	check(t, take(t, s, 1)[0].Nak(0))
	if _, again := taken(take(t, s, 1)); !slices.Equal(again, []uint64{1}) {
		t.Errorf("got %v marked, want the event", again)
	}
}

// A consumer that was deleted by hand goes on where it was, not at the start of the stream.
// Events that somebody may still work on come again, and say so.
func TestSharedGoesOnAfterItsDeletion(t *testing.T) {
	e := start(t)
	e.events(10)
	s := openShared(t, e)
	list := take(t, s, 6)
	for _, d := range list[:4] {
		check(t, d.Ack())
	}
	until(t, "the acks came", func() bool { return e.sharedInfo().AckFloor.Stream == 4 })
	s.LookAgain()
	check(t, s.Fetch(t.Context(), 1, time.Millisecond, func(d *streams.Delivery) { list = append(list, d) })) // looks
	e.deleteConsumers("EVENTS")
	got, again := taken(take(t, s, 6))
	if want := []uint64{5, 6, 7, 8, 9, 10}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if most := []uint64{5, 6, 7}; !slices.Equal(again, most[:len(list)-4]) {
		t.Errorf("got %v marked as repeated, of %d taken before", again, len(list))
	}
}

// After a restart, all events without an ack come again before any other, in order, and say so.
func TestSharedRestarts(t *testing.T) {
	e := start(t)
	e.events(12)
	former := take(t, openShared(t, e), 8)
	for _, i := range []int{0, 1, 4} {
		check(t, former[i].Ack())
	}
	until(t, "the acks came", func() bool { return e.sharedInfo().NumAckPending == 5 })
	s := openShared(t, e)
	check(t, s.Restart(t.Context()))
	list := take(t, s, 10)
	got, again := taken(list)
	if want := []uint64{3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; !slices.Equal(got, want) || !slices.Equal(again, want[:6]) {
		t.Errorf("got %v, again %v", got, again)
	}
	for _, d := range list {
		check(t, d.Ack())
	}
	until(t, "nothing is left", func() bool { return e.sharedInfo().NumAckPending == 0 && e.sharedInfo().AckFloor.Stream == 12 })
	check(t, s.Restart(t.Context()))
	check(t, s.Fetch(t.Context(), 1, 100*time.Millisecond, func(*streams.Delivery) { t.Error("an acknowledged event came again") }))
	check(t, former[6].Ack()) // of the former process
	e.publish("user.created", 1)
	if got, again := taken(take(t, s, 1)); !slices.Equal(got, []uint64{13}) || len(again) > 0 {
		t.Errorf("got %v, again %v", got, again)
	}
}

// A stream that was made anew is read from its start, in another epoch.
func TestSharedFollowsAStreamMadeAnew(t *testing.T) {
	e := start(t)
	e.events(5)
	s := openShared(t, e)
	before := take(t, s, 5)
	for _, d := range before {
		check(t, d.Ack())
	}
	check(t, e.js.DeleteStream(t.Context(), "EVENTS"))
	e.events(2)
	after := take(t, s, 2)
	got, again := taken(after)
	if want := []uint64{1, 2}; !slices.Equal(got, want) || len(again) > 0 {
		t.Errorf("got %v, again %v, want %v", got, again, want)
	}
	if after[0].Position.Epoch == before[0].Position.Epoch {
		t.Error("the epoch is the same")
	}
}

// The consumer of another process may be made anew faster.
func TestSharedTakesAConsumerThatAnotherMade(t *testing.T) {
	e := start(t)
	e.events(3)
	a := openShared(t, e)
	take(t, a, 2)
	e.deleteConsumers("EVENTS")
	b := openShared(t, e)
	if got, _ := taken(take(t, b, 3)); len(got) != 3 {
		t.Errorf("got %v, want all", got)
	}
	check(t, a.Fetch(t.Context(), 1, time.Millisecond, func(*streams.Delivery) { t.Error("an event of the other process") }))
}

func TestSharedIsRenewed(t *testing.T) {
	e := start(t)
	e.events(1)
	d := take(t, openShared(t, e), 1)[0]
	check(t, d.Renew(t.Context()))
	check(t, d.Ack())
}

func TestSharedSaysThatItMadeTheConsumer(t *testing.T) {
	e := start(t)
	e.events(4)
	var made []uint64
	for range 2 {
		_, err := streams.OpenShared(t.Context(), e.client(), streams.SharedConfig{
			Stream: "EVENTS", Consumer: sharedName, Subjects: []string{"user.created"}, AckWait: time.Minute, MaxAckPending: 10,
			Made: func(pending uint64) { made = append(made, pending) },
		})
		check(t, err)
	}
	if !slices.Equal(made, []uint64{4}) {
		t.Errorf("got %v, want one call with 4", made)
	}
}

// sharedInfo returns the state of the shared consumer.
func (e *env) sharedInfo() *jetstream.ConsumerInfo {
	e.t.Helper()
	c, err := e.js.Consumer(e.t.Context(), "EVENTS", sharedName)
	check(e.t, err)
	return c.CachedInfo()
}
