package bus_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
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

// bury stores dead letters of a class.
func bury(t *testing.T, b *bus.Bus, class string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		d := deadLetter(key)
		d.Class = class
		if err := b.Bury(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
}

// wantDead compares the counts with the wanted numbers, by class.
func wantDead(t *testing.T, b *bus.Bus, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	list, err := b.DeadCounts(t.Context())
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
	b := ensured(t)
	js := &counted{JetStream: b.JetStream()}
	b.SetJetStream(js)
	wantDead(t, b, nil)
	bury(t, b, "permanent", "k1", "k2")
	bury(t, b, "invalid", "k3")
	wantDead(t, b, map[string]int{"permanent": 2, "invalid": 1})
	made := js.made
	wantDead(t, b, map[string]int{"permanent": 2, "invalid": 1})
	if js.made != made {
		t.Error("messages were read again although none came")
	}
	bury(t, b, "permanent", "k4")
	wantDead(t, b, map[string]int{"permanent": 3, "invalid": 1})
	if js.made != made+1 || js.from != 4 {
		t.Errorf("got %d readings, the last from %d on; want one, from 4 on", js.made-made, js.from)
	}
}

func TestRemovedDeadLettersAreNotCounted(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	bury(t, b, "permanent", "k1", "k2", "k3")
	wantDead(t, b, map[string]int{"permanent": 3})
	if err := b.Drop(t.Context(), read(t, b)[1]); err != nil {
		t.Fatal(err)
	}
	bury(t, b, "invalid", "k1") // in place of the first
	natstest.Until(t, "the removed ones are not counted", func() bool {
		list, err := b.DeadCounts(t.Context())
		return err == nil && len(list) == 2 && list[0].Count == 1 && list[1].Count == 1
	})
	for _, d := range read(t, b) {
		if err := b.Drop(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	wantDead(t, b, nil)
}

func TestDeadLettersOfAStreamMadeAnewAreCounted(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	bury(t, b, "permanent", "k1", "k2")
	wantDead(t, b, map[string]int{"permanent": 2})
	if err := b.JetStream().DeleteStream(t.Context(), bus.DeadStream); err != nil {
		t.Fatal(err)
	}
	if _, err := b.DeadCounts(t.Context()); err == nil {
		t.Error("got no error for a stream that is not there")
	}
	if err := b.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	bury(t, b, "invalid", "k1", "k2")
	wantDead(t, b, map[string]int{"invalid": 2})
}

func TestFullCountsTakeAShareOfTheTime(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	const delay = 50 * time.Millisecond
	b.SetJetStream(slow{b.JetStream(), delay})
	bury(t, b, "permanent", "k1", "k2", "k3")
	began := time.Now()
	wantDead(t, b, map[string]int{"permanent": 3})
	if got, want := b.NextFullCount(), began.Add(100*delay); got.Before(want) {
		t.Errorf("after a count of %s the next may begin after %s", delay, got.Sub(began))
	}
	if err := b.Drop(t.Context(), read(t, b)[0]); err != nil {
		t.Fatal(err)
	}
	b.SetNextFullCount(time.Now().Add(time.Hour))
	bury(t, b, "invalid", "k4")
	wantDead(t, b, map[string]int{"permanent": 3, "invalid": 1})
	b.SetNextFullCount(time.Time{})
	wantDead(t, b, map[string]int{"permanent": 2, "invalid": 1})
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
