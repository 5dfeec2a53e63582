package streams_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

var lagConfig = streams.CounterConfig{Stream: "EVENTS", Consumer: "lms", Subjects: []string{"user.*"}}

func openLag(t *testing.T, e *env) *streams.Lag {
	t.Helper()
	lag, err := streams.OpenLag(t.Context(), e.client(), lagConfig)
	check(t, err)
	return lag
}

// pending returns the lag that the server reports.
func pending(t *testing.T, e *env) uint64 {
	t.Helper()
	i := e.consumer().CachedInfo()
	return i.NumPending + uint64(i.NumAckPending)
}

func TestShowResetsTheLag(t *testing.T) {
	e := start(t)
	e.events(10)
	e.publish("other.thing", 5)
	lag := openLag(t, e)
	for _, c := range []struct{ seq, want uint64 }{{4, 6}, {10, 0}, {15, 0}, {2, 8}, {0, 10}} {
		check(t, lag.Show(t.Context(), e.at(c.seq)))
		if got := pending(t, e); got != c.want {
			t.Errorf("at %d: got a lag of %d, want %d", c.seq, got, c.want)
		}
	}
	e.publish("user.created", 3)
	if got := pending(t, e); got != 13 {
		t.Errorf("got a lag of %d, want 13", got)
	}
}

func TestAnExistingLagIsLeftAlone(t *testing.T) {
	e := start(t)
	e.events(10)
	_, err := e.js.CreateConsumer(t.Context(), "EVENTS", jetstream.ConsumerConfig{
		Durable: "lms", FilterSubjects: []string{"user.*"}, AckPolicy: jetstream.AckExplicitPolicy, Description: "mine",
	})
	check(t, err)
	check(t, openLag(t, e).Show(t.Context(), e.at(9)))
	check(t, openLag(t, e).Show(t.Context(), e.at(9)))
	if i := e.consumer().CachedInfo(); i.Config.Description != "mine" || i.NumPending != 1 {
		t.Errorf("got %q with a lag of %d", i.Config.Description, i.NumPending)
	}
}

func TestShowCreatesAMissingConsumer(t *testing.T) {
	e := start(t)
	e.events(10)
	lag := openLag(t, e)
	e.deleteConsumers("EVENTS")
	check(t, lag.Show(t.Context(), e.at(7)))
	if got := pending(t, e); got != 3 {
		t.Errorf("got a lag of %d, want 3", got)
	}
	e.remake(4)
	until(t, "the server can make the consumer, whose former folder it may still remove", func() bool {
		return lag.Show(t.Context(), e.at(1)) == nil
	})
	if got := pending(t, e); got != 3 {
		t.Errorf("a stream made anew: got a lag of %d, want 3", got)
	}
}

func TestTheLagSurvivesAKillOfTheServer(t *testing.T) {
	e := start(t)
	e.events(10)
	check(t, openLag(t, e).Show(t.Context(), e.at(7)))
	e.kill()
	until(t, "the lag is there", func() bool {
		c, err := e.js.Consumer(t.Context(), "EVENTS", "lms")
		return err == nil && c.CachedInfo().NumPending == 3
	})
}

// A consumer that hands out messages to one process is that of a former version.
func TestLagOfAFormerVersion(t *testing.T) {
	e := start(t)
	e.events(1)
	_, err := e.js.CreateConsumer(t.Context(), "EVENTS", jetstream.ConsumerConfig{
		Durable: "lms", AckPolicy: jetstream.AckExplicitPolicy,
		PriorityPolicy: jetstream.PriorityPolicyPinned, PinnedTTL: time.Second, PriorityGroups: []string{"owner"},
	})
	check(t, err)
	if _, err := streams.OpenLag(t.Context(), e.client(), lagConfig); err == nil {
		t.Error("the consumer is taken for a lag consumer")
	}
}

// A lag consumer hands out no events, not even to a former version that asks for its own.
func TestLagHandsOutNothing(t *testing.T) {
	for name, opts := range map[string][]jetstream.FetchOpt{"a pull": nil, "a pull of a former version": {jetstream.FetchPriorityGroup("owner")}} {
		t.Run(name, func(t *testing.T) {
			e := start(t)
			e.events(3)
			openLag(t, e)
			batch, err := e.consumer().Fetch(3, append(opts, jetstream.FetchMaxWait(time.Second))...)
			check(t, err)
			for m := range batch.Messages() {
				t.Errorf("got %s", m.Data())
			}
			if err := batch.Error(); err == nil {
				t.Error("the pull was not refused")
			}
		})
	}
}
