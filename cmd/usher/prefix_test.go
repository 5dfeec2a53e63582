package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// theirs are the streams of another team, with the names of Usher's own.
var theirs = []jetstream.StreamConfig{
	{Name: "EVENTS", Subjects: []string{"orders.>"}},
	{Name: "RESULTS", Subjects: []string{"grades.>"}},
	{Name: "DEADLETTERS", Subjects: []string{"morgue.>"}, NoAck: true},
	{Name: "AUDIT", Subjects: []string{"audit.>"}, Retention: jetstream.WorkQueuePolicy, MaxAge: time.Hour},
	{Name: "TIMERS", Subjects: []string{"cron.*"}},
	{Name: "KV_ACCOUNTS", Subjects: []string{"$KV.ACCOUNTS.>"}, MaxMsgsPerSubject: 1, AllowRollup: true, MaxAge: time.Hour},
	{Name: "KV_CONTROL", Subjects: []string{"$KV.CONTROL.>"}, MaxMsgsPerSubject: 1, AllowRollup: true},
}

// foreigners makes the streams of another team, each with a message. The function returned gives
// the state of all.
func foreigners(t *testing.T, js jetstream.JetStream) func() string {
	t.Helper()
	for _, c := range theirs {
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(t.Context(), strings.NewReplacer("*", "theirs", ">", "theirs").Replace(c.Subjects[0]), []byte("theirs")); err != nil && !c.NoAck {
			t.Fatal(err)
		}
	}
	return func() (all string) {
		for _, c := range theirs {
			stream, err := js.Stream(t.Context(), c.Name)
			if err != nil {
				t.Fatal(err)
			}
			i := stream.CachedInfo()
			all += fmt.Sprintf("%+v: messages %d to %d, %d consumers\n", i.Config, i.State.FirstSeq, i.State.LastSeq, i.State.Consumers)
		}
		return all
	}
}

// TestTwoUshersInOneAccount has staging and production, by prefix, beside streams of another team
// with the names of Usher's own. A third Usher, without a prefix, does not start.
func TestTwoUshersInOneAccount(t *testing.T) {
	t.Parallel()
	first := newWorld(t)
	js := first.streams()
	state := foreigners(t, js)
	first.until("a stream without an ack has its message", func() bool { return first.stored(js, "DEADLETTERS") == 1 })
	before := state()
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
		w.must("nats", "apply")
		w.must("nats", "check")
		w.until("the history is stored", func() bool { return first.stored(js, strings.ToUpper(prefix)+"_HISTORY") == len(everywhere) })
		if strings.Contains(w.log.String(), "a step failed") {
			t.Errorf("%s: a step failed", prefix)
		}
	}
	for _, prefix := range []string{"STAGING", "PRODUCTION"} {
		if n := first.stored(js, prefix+"_EVENTS"); n != 1 {
			t.Errorf("%s: got %d events, want its own one", prefix, n)
		}
		if n := first.stored(js, prefix+"_RESULTS"); n != len(everywhere) {
			t.Errorf("%s: got %d results, want one for each vendor", prefix, n)
		}
	}
	first.begin()
	err := <-first.ended
	if err == nil || !strings.Contains(err.Error(), "stream RESULTS is not of this Usher") || !strings.Contains(err.Error(), "Set nats.prefix (USHER_NATS_PREFIX)") {
		t.Errorf("got %v, want the first stream of another team, and the setting", err)
	}
	for range 2 {
		out, _ := first.try("nats", "apply")
		for _, c := range theirs {
			if !strings.Contains(out, "stream "+c.Name+"\towner\tit has no mark of Usher") {
				t.Errorf("nats apply does not say that %s is of another team:\n%s", c.Name, out)
			}
		}
	}
	if after := state(); after != before {
		t.Errorf("got\n%s\nwant the streams of the other team as they were:\n%s", after, before)
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
