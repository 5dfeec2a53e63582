package streams_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// counted counts the consumers that are created, and the least sequence that they start at.
type counted struct {
	jetstream.JetStream
	made int
	from uint64
}

func (c *counted) CreateConsumer(ctx context.Context, stream string, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	c.made, c.from = c.made+1, config.OptStartSeq
	return c.JetStream.CreateConsumer(ctx, stream, config)
}

// addDead stores dead letters of a class.
func addDead(t *testing.T, set *streams.Set, class string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		d := deadLetter(key)
		d.Class = class
		if err := set.DeadLetters.Add(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
}

// wantDead compares the counts with the wanted numbers, by class.
func wantDead(t *testing.T, set *streams.Set, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	list, err := set.DeadLetters.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		got[c.Class] = c.Count
		if c.Vendor != "acme" || c.Oldest.IsZero() {
			t.Errorf("got %+v, want the vendor acme and a time", c)
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestOnlyNewDeadLettersAreRead(t *testing.T) {
	t.Parallel()
	js := &counted{JetStream: newSet(t).Client.JetStream}
	set := streams.NewSet(streams.Client{JetStream: js}, streams.EventsStream)
	wantDead(t, set, nil)
	addDead(t, set, "permanent", "k1", "k2")
	addDead(t, set, "invalid", "k3")
	wantDead(t, set, map[string]int{"permanent": 2, "invalid": 1})
	made := js.made
	wantDead(t, set, map[string]int{"permanent": 2, "invalid": 1})
	if js.made != made {
		t.Error("messages were read again although none came")
	}
	addDead(t, set, "permanent", "k4")
	wantDead(t, set, map[string]int{"permanent": 3, "invalid": 1})
	if js.made != made+1 || js.from != 4 {
		t.Errorf("got %d readings, the last from %d on; want one, from 4 on", js.made-made, js.from)
	}
}

func TestRemovedDeadLettersAreNotCounted(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	addDead(t, set, "permanent", "k1", "k2", "k3")
	wantDead(t, set, map[string]int{"permanent": 3})
	if err := set.DeadLetters.Remove(t.Context(), read(t, set)[1]); err != nil {
		t.Fatal(err)
	}
	addDead(t, set, "invalid", "k1") // in place of the first
	natstest.Until(t, "the removed ones are not counted", func() bool {
		list, err := set.DeadLetters.Counts(t.Context())
		return err == nil && len(list) == 2 && list[0].Count == 1 && list[1].Count == 1
	})
	for _, d := range read(t, set) {
		if err := set.DeadLetters.Remove(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Until(t, "none is counted", func() bool {
		list, err := set.DeadLetters.Counts(t.Context())
		return err == nil && len(list) == 0
	})
}

func TestDeadLettersOfAStreamMadeAnewAreCounted(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	addDead(t, set, "permanent", "k1", "k2")
	wantDead(t, set, map[string]int{"permanent": 2})
	if err := set.Client.JetStream.DeleteStream(t.Context(), streams.DeadLettersStream); err != nil {
		t.Fatal(err)
	}
	if _, err := set.DeadLetters.Counts(t.Context()); err == nil {
		t.Error("got no error for a stream that is not there")
	}
	check(t, admin.New(set.Client, layout).Ensure(t.Context()))
	addDead(t, set, "invalid", "k1", "k2")
	wantDead(t, set, map[string]int{"invalid": 2})
}

func TestFullCountsTakeAShareOfTheTime(t *testing.T) {
	t.Parallel()
	const delay = 50 * time.Millisecond
	set := streams.NewSet(streams.Client{JetStream: slow{newSet(t).Client.JetStream, delay}}, streams.EventsStream)
	addDead(t, set, "permanent", "k1", "k2", "k3")
	began := time.Now()
	wantDead(t, set, map[string]int{"permanent": 3})
	if got, want := set.DeadLetters.NextFullCount(), began.Add(100*delay); got.Before(want) {
		t.Errorf("after a count of %s the next may begin after %s", delay, got.Sub(began))
	}
	if err := set.DeadLetters.Remove(t.Context(), read(t, set)[0]); err != nil {
		t.Fatal(err)
	}
	set.DeadLetters.SetNextFullCount(time.Now().Add(time.Hour))
	addDead(t, set, "invalid", "k4")
	wantDead(t, set, map[string]int{"permanent": 3, "invalid": 1})
	set.DeadLetters.SetNextFullCount(time.Time{})
	wantDead(t, set, map[string]int{"permanent": 2, "invalid": 1})
}

// slow takes a while to create a consumer.
type slow struct {
	jetstream.JetStream
	delay time.Duration
}

func (s slow) CreateConsumer(ctx context.Context, stream string, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	<-time.After(s.delay)
	return s.JetStream.CreateConsumer(ctx, stream, config)
}
