package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ops"
)

// TestDeletedStreamsAreMadeAnew: serve brings back the streams whose contents it knows.
func TestDeletedStreamsAreMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	js := w.streams()
	w.serve()
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "c1", oneUser))
	w.expect("c1", everywhere)
	// An enrolment that waits for its timer.
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.EnrollmentRequested, "e1", `{"user_id":"u2","course_id":"12","vendor":"lead","email":"bob@example.org"}`))
	w.until("the enrolment waits", func() bool { return w.stored(js, "TIMERS") > len(everywhere) })
	for _, name := range []string{"TIMERS", "LEASES", "KV_OWNERSHIP"} {
		if err := js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	w.until("the streams are there", func() bool {
		_, timers := js.Stream(t.Context(), "TIMERS")
		_, leases := js.Stream(t.Context(), "LEASES")
		_, ownership := js.Stream(t.Context(), "KV_OWNERSHIP")
		_, counter := js.Consumer(t.Context(), "TIMERS", ops.ConsumerName("lead", ops.Waiting))
		return errors.Join(timers, leases, ownership, counter) == nil
	})
	w.until("the enrolment waits again", func() bool { return w.stored(js, "TIMERS") > len(everywhere) })
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserDeleted, "d1", `{"user_id":"u1"}`))
	w.expect("d1", map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "unsupported"})
	w.annOnce()
	w.end()
}

// TestDeletedStreamWithoutTheRight: a process that may not make streams says what to do, and
// goes on once the stream is there.
func TestDeletedStreamWithoutTheRight(t *testing.T) {
	t.Parallel()
	lines, _ := userRights(t)
	w := guarded(t, lines)
	serve, operator := w.as("usher"), w.as("operator")
	apply := func() {
		t.Helper()
		if out, err := operator.feed("", "nats", "apply"); err != nil {
			t.Fatalf("nats apply: %v: %s", err, out)
		}
	}
	apply()
	url := serve.overHTTP()
	serve.serve()
	nc, err := bus.Connect(t.Context(), bus.Options{URL: w.nats, User: "backup", Password: natsPassword})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := bus.JetStream(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "TIMERS"); err != nil {
		t.Fatal(err)
	}
	ready := func() string {
		_, text := serve.get(url + "/readyz")
		return text
	}
	serve.until("it says so", func() bool {
		return strings.Contains(ready(), "TIMERS") && strings.Contains(ready(), "usher nats apply")
	})
	serve.waitLog("usher nats apply makes it", 1)
	apply()
	serve.until("it goes on", func() bool { return !strings.Contains(ready(), "TIMERS") })
	serve.end()
}
