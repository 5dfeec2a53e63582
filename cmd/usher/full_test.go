package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// limit gives a stream room for so many messages, and has it refuse more; for
// any number where that is -1.
func (w *world) limit(js jetstream.JetStream, name string, messages int64) {
	w.t.Helper()
	w.change(js, name, func(c *jetstream.StreamConfig) { c.MaxMsgs, c.Discard = messages, jetstream.DiscardNew })
}

// limitBytes is limit for bytes.
func (w *world) limitBytes(js jetstream.JetStream, name string, bytes int64) {
	w.t.Helper()
	w.change(js, name, func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = bytes, jetstream.DiscardNew })
}

// change changes the configuration of a stream.
func (w *world) change(js jetstream.JetStream, name string, change func(*jetstream.StreamConfig)) {
	w.t.Helper()
	stream, err := js.Stream(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	change(&c)
	if _, err := js.UpdateStream(w.t.Context(), c); err != nil {
		w.t.Fatal(err)
	}
}

// stored counts the messages of a stream.
func (w *world) stored(js jetstream.JetStream, name string) int {
	w.t.Helper()
	stream, err := js.Stream(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return int(stream.CachedInfo().State.Msgs)
}

// committed counts the vendors that have committed the position of the first event.
func (w *world) committed(js jetstream.JetStream) (n int) {
	w.t.Helper()
	for vendor := range everywhere {
		state, err := streams.OpenOwnership(w.t.Context(), streams.Client{JetStream: js}, vendor)
		if err != nil {
			w.t.Fatal(err)
		}
		p, err := state.Position(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if p.Seq > 0 {
			n++
		}
	}
	return n
}

// remade makes the streams that are not there.
func (w *world) remade(js jetstream.JetStream) {
	w.t.Helper()
	natstest.Ensure(w.t, js.Conn(), natstest.Layout())
}

// annOnce checks that each vendor was asked for her account once.
func (w *world) annOnce() {
	w.t.Helper()
	for name, v := range w.stands.State().Vendors {
		creates := 0
		for _, u := range v.Users {
			creates += u.Creates
		}
		if creates != 1 {
			w.t.Errorf("%s: got %d create calls, want 1", name, creates)
		}
	}
}

// failedTwice matches what /metrics says of a vendor for which NATS has failed steps twice.
var failedTwice = regexp.MustCompile(`usher_nats_step_failures_total\{vendor="\w+"\} ([2-9]|\d\d)`)

// stuck waits until serve says why steps fail, and has tried again for so many vendors; and
// checks that /readyz names them.
func (w *world) stuck(url, why string, vendors int) {
	w.t.Helper()
	w.waitLog(why, vendors)
	w.until("steps are tried again", func() bool {
		_, metrics := w.get(url + "/metrics")
		return len(failedTwice.FindAllString(metrics, -1)) == vendors
	})
	names := regexp.MustCompile(`NATS fails steps for \w+(, \w+){` + strconv.Itoa(vendors-1) + `}: `)
	if status, ready := w.get(url + "/readyz"); status != http.StatusOK || !names.MatchString(ready) {
		w.t.Errorf("/readyz: got %d %s, want %d vendors for which steps fail", status, ready, vendors)
	}
}

// mended waits until no step fails any more, and all positions are committed.
func (w *world) mended(url string, js jetstream.JetStream) {
	w.t.Helper()
	w.until("all positions are committed", func() bool { return w.committed(js) == len(everywhere) })
	w.until("no step fails", func() bool {
		_, ready := w.get(url + "/readyz")
		return strings.Contains(ready, `"workers":"ok"`)
	})
}

// TestResultsThatCannotBeStored is about a stream that takes no more, and about
// one that is gone: each vendor is called once, and all results are published in the end.
func TestResultsThatCannotBeStored(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spoil, mend func(w *world, js jetstream.JetStream)
		said        string
		stuck       int
	}{
		"full": {
			func(w *world, js jetstream.JetStream) { w.limit(js, streams.ResultsStream, 1) },
			func(w *world, js jetstream.JetStream) { w.limit(js, streams.ResultsStream, -1) },
			"the stream RESULTS is full: raise its limits",
			len(everywhere) - 1,
		},
		"gone": {
			func(w *world, js jetstream.JetStream) {
				if err := js.DeleteStream(w.t.Context(), streams.ResultsStream); err != nil {
					w.t.Fatal(err)
				}
			},
			func(w *world, js jetstream.JetStream) { w.remade(js) },
			"is the stream RESULTS there?",
			len(everywhere),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			js, url := w.streams(), w.overHTTP()
			w.serve()
			c.spoil(w, js)
			w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "c1", oneUser))
			w.stuck(url, c.said, c.stuck)
			if got, most := w.committed(js), len(everywhere)-c.stuck; got > most {
				t.Errorf("got %d committed positions, want %d at most: none without its result", got, most)
			}
			c.mend(w, js)
			w.expect("c1", everywhere)
			w.mended(url, js)
			w.annOnce()
			for name, v := range w.stands.State().Vendors {
				if n := anns(v); n != 1 {
					t.Errorf("%s: got %d accounts, want 1", name, n)
				}
			}
			w.end()
		})
	}
}

// TestDeadLettersThatCannotBeStored: a failure is published and acknowledged only once its
// dead letter is kept.
func TestDeadLettersThatCannotBeStored(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		kind, data string
		taken      bool // the room, by another dead letter
		letters    int  // in the end
		stuck      int  // vendors
		holds      bool // the position: nothing of the event is in a record
	}{
		"an event that breaks its schema": {events.UserCreated, `{"user_id":"u2"}`, true, 2, 5, true},       // one for all vendors
		"a failure at a vendor":           {events.UserDeleted, `{"user_id":"nobody"}`, false, 4, 3, false}, // Usermost cannot delete
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.environ = append(w.environ, "USHER_WORKER_PREREQUISITE_WAIT=100ms", "USHER_WORKER_RETRY_MIN=100ms", "USHER_WORKER_RETRY_MAX=500ms")
			js, url := w.streams(), w.overHTTP()
			w.serve()
			if c.taken {
				w.addDeadLetter(w.set(), "other", 0, as)
			}
			w.limit(js, streams.DeadLettersStream, 1)
			if _, err := js.Publish(t.Context(), c.kind, []byte(cloudEvent(c.kind, "bad1", c.data))); err != nil {
				t.Fatal(err)
			}
			w.stuck(url, "the stream DEADLETTERS is full: raise its limits", c.stuck)
			if got := w.committed(js); c.holds && got > 0 {
				t.Errorf("got %d committed positions, want none without its dead letter", got)
			}
			if got, want := w.stored(js, streams.ResultsStream), len(everywhere)-c.stuck; got != want {
				t.Errorf("got %d results, want %d: none of a failure that is not kept", got, want)
			}
			w.limit(js, streams.DeadLettersStream, -1)
			w.until("all are stored and published", func() bool {
				return len(w.letters()) == c.letters && w.stored(js, streams.ResultsStream) == len(everywhere)
			})
			w.mended(url, js)
			w.end()
			if got := w.stored(js, streams.ResultsStream); got != len(everywhere) {
				t.Errorf("got %d results, want one of each vendor", got)
			}
		})
	}
}

// TestDeadLettersOfOneSenderLeaveRoom: a web hook whose deliveries become no events cannot take the room of
// the dead letters of users.
func TestDeadLettersOfOneSenderLeaveRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = append(w.environ, "USHER_WORKER_PREREQUISITE_WAIT=100ms", "USHER_WORKER_RETRY_MIN=100ms", "USHER_WORKER_RETRY_MAX=500ms")
	w.file = filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(w.file, fmt.Appendf(nil, crm, base64.StdEncoding.EncodeToString([]byte(secret)), "body.contact.number"), 0o600); err != nil {
		t.Fatal(err)
	}
	js, url := w.streams(), w.overHTTP()
	w.serve()
	w.limitBytes(js, streams.DeadLettersStream, 1<<20)
	unmappable := `{"type":"contact.new","contact":{"id":"u1"},"text":"` + strings.Repeat("x", 30<<10) + `"}`
	for i := range 24 { // 42 kB each, as a dead letter; a look at the room counts those of the moment twice, until the next look
		w.until("a delivery with room is kept", func() bool {
			status, _ := w.deliver(url, fmt.Sprint("d", i), unmappable)
			return status == http.StatusAccepted
		})
	}
	w.until("the web hook is refused", func() bool {
		status, _ := w.deliver(url, "d0", unmappable) // replaces the dead letter
		return status == http.StatusTooManyRequests
	})
	for i := range 5 {
		if status, body := w.deliver(url, fmt.Sprint("more", i), unmappable); status != http.StatusTooManyRequests {
			t.Errorf("got %d %s for a further delivery, want 429", status, body)
		}
	}
	before := w.stored(js, streams.DeadLettersStream)
	if _, err := js.Publish(t.Context(), events.UserDeleted, []byte(cloudEvent(events.UserDeleted, "bad1", `{"user_id":"nobody"}`))); err != nil {
		t.Fatal(err)
	}
	w.until("the failures of a user are kept", func() bool {
		return w.stored(js, streams.ResultsStream) == len(everywhere) && w.stored(js, streams.DeadLettersStream) > before
	})
	w.end()
}

// TestFaultyEventsLeaveRoomForFailures: faulty events of a producer on NATS cannot take the room of the dead
// letters of users, and hold up no user while they wait for room.
func TestFaultyEventsLeaveRoomForFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = append(w.environ, "USHER_WORKER_PREREQUISITE_WAIT=100ms", "USHER_WORKER_RETRY_MIN=100ms", "USHER_WORKER_RETRY_MAX=500ms")
	js := w.streams()
	w.must("nats", "apply")
	w.limitBytes(js, streams.DeadLettersStream, 1<<20)
	w.serve()
	publish := func(kind, id, data string) {
		t.Helper()
		if _, err := js.Publish(t.Context(), kind, []byte(cloudEvent(kind, id, data))); err != nil {
			t.Fatal(err)
		}
	}
	publish(events.UserCreated, "c1", oneUser)
	w.expect("c1", everywhere) // meanwhile serve looks at the room
	for i := range 120 {       // 28 kB each as a dead letter, and a kilobyte without the payload
		publish(events.UserCreated, fmt.Sprint("faulty", i), `{"user_id":"u2","note":"`+strings.Repeat("x", 20<<10)+`"}`)
	}
	w.waitLog("the last room of the stream DEADLETTERS is for others than events on user.created", 1)
	publish(events.UserDeleted, "bad1", `{"user_id":"nobody"}`)
	publish(events.UserCreated, "c2", strings.ReplaceAll(strings.ReplaceAll(oneUser, "u1", "u3"), "ann", "bea"))
	w.expect("c2", everywhere)
	w.until("the failures of a user are kept", func() bool {
		n := 0
		for _, l := range w.letters() {
			if l.EventID == "bad1" {
				n++
			}
		}
		return n == 4
	})
	w.limitBytes(js, streams.DeadLettersStream, -1)
	w.until("all faulty events are kept", func() bool { return len(w.letters()) == 4+120 })
	w.end()
}

// TestSendToFullStream: a rejected event is reported, with advice.
func TestSendToFullStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	js := w.streams()
	w.remade(js)
	w.limit(js, streams.EventsStream, 1)
	_, err := w.feed(people(events.UserCreated, 1, 2), "send")
	if err == nil || cli.ExitCode(err) != cli.ExitFailed {
		t.Fatalf("got %v, want exit code 1", err)
	}
	for _, want := range []string{"event 2", "the stream EVENTS is full: raise its limits", "sent the first 1 event of 2"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

// TestServeWithDeletedStreams takes consumers and then the stream of events
// from under a serve that works.
func TestServeWithDeletedStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	js := w.streams()
	w.serve()
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "c1", oneUser))
	w.expect("c1", everywhere)
	for vendor := range everywhere {
		if err := js.DeleteConsumer(t.Context(), streams.EventsStream, ops.ConsumerName(vendor, ops.Lifecycle)); err != nil {
			t.Fatal(err)
		}
	}
	enrol := cloudEvent(events.EnrollmentRequested, "e1", `{"user_id":"u1","course_id":"12","vendor":"lead","email":"ann@example.org"}`)
	w.send(`{"sent":1,"new":1,"known":0}`, enrol)
	w.expect("e1", map[string]string{"lead": "done"})

	if err := js.DeleteStream(t.Context(), streams.EventsStream); err != nil {
		t.Fatal(err)
	}
	w.waitLog("stream not found", 1)
	if _, err := w.feed(people(events.UserCreated, 2, 2), "send"); err == nil || !strings.Contains(err.Error(), "is the stream EVENTS there?") {
		t.Errorf("send: got %v, want which stream is not there", err)
	}
	w.remade(js)
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserDeleted, "d1", `{"user_id":"u1"}`))
	w.expect("d1", map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "unsupported"})
	w.annOnce()
	w.end()
}
