package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// TestTwoUshersInOneAccount has two Ushers, by prefix, beside the streams of another team. A
// third Usher, without a prefix, does not start.
func TestTwoUshersInOneAccount(t *testing.T) {
	t.Parallel()
	first := newWorld(t)
	js := first.streams()
	theirs := jetstream.StreamConfig{Name: "AUDIT", Subjects: []string{"audit.>"}, Retention: jetstream.WorkQueuePolicy}
	if _, err := js.CreateStream(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"staging", "production"} {
		w := newWorld(t)
		w.nats = first.nats
		w.environ = append(w.environ, "USHER_NATS_URL="+first.nats, "USHER_NATS_PREFIX="+prefix)
		w.serve()
		w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "c-"+prefix, oneUser))
		w.expect("c-"+prefix, everywhere)
		w.must("status")
		w.must("pause", "lead", "--reason", "test")
		w.must("audit")
		if n := first.stored(js, strings.ToUpper(prefix)+"_RESULTS"); n != len(everywhere) {
			t.Errorf("%s: got %d results, want one for each vendor", prefix, n)
		}
		w.must("nats", "check")
		w.until("the history is stored", func() bool { return first.stored(js, strings.ToUpper(prefix)+"_HISTORY") == len(everywhere) })
		if strings.Contains(w.log.String(), "a step failed") {
			t.Errorf("%s: a step failed", prefix)
		}
	}
	if n := first.stored(js, "AUDIT"); n != 0 {
		t.Errorf("got %d messages in the stream of another team, want none", n)
	}
	first.begin()
	if err := <-first.ended; err == nil || !strings.Contains(err.Error(), "stream AUDIT is not of this Usher") {
		t.Errorf("got %v, want that AUDIT stops the start", err)
	}
}

// TestEventsComeFromAMirror has a catch-all stream of producers, a mirror of it as the stream
// of events, and subjects with a prefix.
func TestEventsComeFromAMirror(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	js := w.streams()
	for _, c := range []jetstream.StreamConfig{
		{Name: "ALL", Subjects: []string{"prod.>"}},
		{Name: "COPY", Mirror: &jetstream.StreamSource{Name: "ALL"}},
	} {
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	w.environ = append(w.environ, "USHER_NATS_EVENTS_STREAM=COPY", "USHER_NATS_EVENTS_PREFIX=prod")
	w.serve()
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "c1", oneUser))
	w.expect("c1", everywhere)
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserDeleted, "d1", `{"user_id":"u1"}`))
	w.expect("d1", map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "unsupported"})
}

// TestResultsLeaveACatchAllStream has a stream of all subjects of users as the stream of events.
func TestResultsLeaveACatchAllStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	js := w.streams()
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ALL", Subjects: []string{"user.>", "enrollment.>", "activity.>"}}); err != nil {
		t.Fatal(err)
	}
	w.environ = append(w.environ, "USHER_NATS_EVENTS_STREAM=ALL", "USHER_NATS_RESULTS_PREFIX=results")
	w.serve()
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "c1", oneUser))
	w.expect("c1", everywhere)
}
