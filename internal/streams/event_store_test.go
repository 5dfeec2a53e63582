package streams_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

func TestSendTakesAnEventOnce(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	var got []bool
	for range 2 {
		taken, err := set.Events.Send(t.Context(), event(t, "e1"))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, taken)
	}
	if diff := cmp.Diff([]bool{true, false}, got); diff != "" {
		t.Errorf("taken differs (-want +got):\n%s", diff)
	}
}

func TestRoom(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	change := func(name string, change func(*jetstream.StreamConfig)) {
		t.Helper()
		stream, err := set.Client.JetStream.Stream(t.Context(), name)
		check(t, err)
		c := stream.CachedInfo().Config
		change(&c)
		_, err = set.Client.JetStream.UpdateStream(t.Context(), c)
		check(t, err)
	}
	limited := func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }
	change(streams.EventsStream, limited)
	change(streams.DeadLettersStream, limited)
	_, err := set.Events.Send(t.Context(), event(t, "e1"))
	check(t, err)
	check(t, set.DeadLetters.Add(t.Context(), streams.DeadLetter{Vendor: "webhooks", Type: "crm", Key: "k", Payload: []byte("x")}))
	none := func(when string, left, limit int64) {
		t.Helper()
		if left != 0 || limit != 0 {
			t.Errorf("%s: got %d of %d bytes, want none", when, left, limit)
		}
	}
	left, limit := set.Events.Room()
	none("before the first look", left, limit)
	set.LookAtRoom(t.Context())
	for name, room := range map[string]func() (int64, int64){"EVENTS": set.Events.Room, "DEADLETTERS": set.DeadLetters.Room} {
		if left, limit := room(); limit != 1<<20 || left >= limit || left < limit/2 {
			t.Errorf("%s: got %d of %d bytes, want some used of a MiB", name, left, limit)
		}
	}
	change(streams.EventsStream, func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld })
	check(t, set.Client.JetStream.DeleteStream(t.Context(), streams.DeadLettersStream))
	set.LookAtRoom(t.Context())
	left, limit = set.Events.Room()
	none("of a stream that discards old events", left, limit)
	left, limit = set.DeadLetters.Room()
	none("without a stream", left, limit)
}

// A server that does not answer delays no reader of the room.
func TestRoomWaitsForNoAnswer(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	set.LookAtRoom(t.Context())
	_, before := set.Events.Room()
	slow := &silentStreams{JetStream: set.Client.JetStream, asked: make(chan struct{}), answer: make(chan struct{})}
	client := set.Client
	client.JetStream = slow
	behind := streams.NewSet(client, streams.EventsStream)
	var looks sync.WaitGroup
	looks.Go(func() { behind.LookAtRoom(t.Context()) })
	<-slow.asked
	during := make(chan int64, 1)
	looks.Go(func() {
		_, limit := behind.Events.Room()
		during <- limit
	})
	select {
	case limit := <-during:
		if limit != 0 {
			t.Errorf("got a limit of %d bytes during the first look, want none", limit)
		}
	case <-time.After(10 * time.Second): // far longer than a read takes
		t.Error("the reader waits for the answer of the server")
	}
	close(slow.answer)
	looks.Wait()
	if _, limit := behind.Events.Room(); limit != before {
		t.Errorf("got a limit of %d bytes after the answer, want %d", limit, before)
	}
}

func TestOfAFullStreamOnlyResultsAreToBeRemoved(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	for _, name := range []string{streams.EventsStream, streams.ResultsStream} {
		stream, err := set.Client.JetStream.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		c := stream.CachedInfo().Config
		c.MaxBytes = 1
		if _, err := set.Client.JetStream.UpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := set.Events.Send(t.Context(), event(t, "e1")); err == nil || !strings.Contains(err.Error(), "raise its limits") || strings.Contains(err.Error(), "purge") {
		t.Errorf("got %v of EVENTS, want that its limits be raised, and no more", err)
	}
	result, err := events.NewResult(events.ResultOf{Request: event(t, "e1"), Key: "k", Source: "/usher", At: time.Unix(1, 0), Result: events.Result{Vendor: "acme", Outcome: events.Done}})
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Results.Publish(t.Context(), "acme", result); err == nil || !strings.Contains(err.Error(), "nats stream purge RESULTS") {
		t.Errorf("got %v of RESULTS, want that old ones may be removed", err)
	}
}

func TestDeletionsAreCountedFromATimeOn(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	publish := func(kinds ...string) (stored time.Time) {
		for _, kind := range kinds {
			ack, err := set.Client.JetStream.Publish(t.Context(), kind, nil)
			if err != nil {
				t.Fatal(err)
			}
			stream, err := set.Client.JetStream.Stream(t.Context(), streams.EventsStream)
			if err != nil {
				t.Fatal(err)
			}
			m, err := stream.GetMsg(t.Context(), ack.Sequence)
			if err != nil {
				t.Fatal(err)
			}
			stored = m.Time
		}
		return stored
	}
	want := func(since time.Time, deleted, all uint64) {
		t.Helper()
		if gotDeleted, gotAll, err := set.Events.Counts(t.Context(), since); gotDeleted != deleted || gotAll != all || err != nil {
			t.Errorf("got %d deletions of %d events (%v), want %d of %d", gotDeleted, gotAll, err, deleted, all)
		}
	}
	begun := time.Now().Add(-time.Hour)
	want(begun, 0, 0)
	first := publish(events.UserDeleted, events.UserDeleted, events.UserCreated)
	want(begun, 2, 3)
	want(first.Add(1), 0, 0)
	publish(events.UserCreated, events.UserDeleted)
	want(begun, 3, 5)
	want(first.Add(1), 1, 2)
	stream, err := set.Client.JetStream.Stream(t.Context(), streams.EventsStream)
	if err == nil {
		err = stream.Purge(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	want(begun, 0, 0)
	begun = time.Now() // the first deletion is far behind, and not the last message
	for range 300 {
		publish(events.UserCreated)
	}
	publish(events.UserDeleted, events.UserDeleted)
	want(begun, 2, 302)
}
