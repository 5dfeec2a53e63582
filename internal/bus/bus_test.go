package bus_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
)

var layout = natstest.Layout()

// world returns a bus over a server in this process, without streams.
func world(t *testing.T, l bus.Layout) (*bus.Bus, *nats.Conn) {
	t.Helper()
	nc := natstest.Connect(t, natstest.Start(t, bus.EmbeddedOptions{}))
	b, err := bus.New(nc, l)
	if err != nil {
		t.Fatal(err)
	}
	return b, nc
}

func ensured(t *testing.T) *bus.Bus {
	t.Helper()
	return natstest.Ensure(t, natstest.Connect(t, natstest.Start(t, bus.EmbeddedOptions{})), layout)
}

func event(t *testing.T, id string) events.Event {
	t.Helper()
	e, err := events.New(events.UserCreated, "/school", id, time.Unix(1_700_000_000, 0), map[string]any{"user_id": id, "email": id + "@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEnsureIsRepeatable(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	if err := b.Ensure(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEnsureChangesNothing(t *testing.T) {
	t.Parallel()
	b, _ := world(t, layout)
	own := jetstream.StreamConfig{Name: bus.EventsStream, Subjects: []string{"user.created", "user.updated", "user.deleted", "user.restored", "enrollment.*", "activity.tracked"}, MaxAge: time.Minute}
	if _, err := b.JetStream().CreateStream(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	if err := b.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	stream, err := b.JetStream().Stream(t.Context(), bus.EventsStream)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := stream.CachedInfo().Config.MaxAge, time.Minute; got != want {
		t.Errorf("got max_age %v, want it left at %v", got, want)
	}
}

func TestEnsureSaysWhatToSet(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		stream jetstream.StreamConfig
		layout func(*bus.Layout)
		want   string
	}{
		"another stream holds the subjects": {
			jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"user.created"}}, func(*bus.Layout) {}, "set nats.events_stream (USHER_NATS_EVENTS_STREAM)",
		},
		"the named stream is not there": {
			jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"x"}}, func(l *bus.Layout) { l.Events, l.Own = "OURS", false }, "stream OURS",
		},
		"the named stream lacks subjects": {
			jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"user.created"}},
			func(l *bus.Layout) { l.Events, l.Own = "THEIRS", false },
			"user.updated, user.deleted, user.restored, enrollment.requested, enrollment.cancelled, activity.tracked",
		},
		"their stream holds results too": {
			jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"user.>", "enrollment.>", "activity.>"}}, func(l *bus.Layout) { l.Events, l.Own = "THEIRS", false }, "narrow it",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := layout
			c.layout(&l)
			b, _ := world(t, l)
			if _, err := b.JetStream().CreateStream(t.Context(), c.stream); err != nil {
				t.Fatal(err)
			}
			if err := b.Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error that says %q", err, c.want)
			}
		})
	}
}

func TestSendTakesAnEventOnce(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	var got []bool
	for range 2 {
		taken, err := b.Send(t.Context(), event(t, "e1"))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, taken)
	}
	if diff := cmp.Diff([]bool{true, false}, got); diff != "" {
		t.Errorf("taken differs (-want +got):\n%s", diff)
	}
}

func TestOfAFullStreamOnlyResultsAreToBeRemoved(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	for _, name := range []string{bus.EventsStream, bus.ResultsStream} {
		stream, err := b.JetStream().Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		c := stream.CachedInfo().Config
		c.MaxBytes = 1
		if _, err := b.JetStream().UpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Send(t.Context(), event(t, "e1")); err == nil || !strings.Contains(err.Error(), "raise its limits") || strings.Contains(err.Error(), "purge") {
		t.Errorf("got %v of EVENTS, want that its limits be raised, and no more", err)
	}
	result, err := events.NewResult(events.ResultOf{Request: event(t, "e1"), Key: "k", Source: "/usher", At: time.Unix(1, 0), Result: events.Result{Vendor: "acme", Outcome: events.Done}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), "acme", result); err == nil || !strings.Contains(err.Error(), "nats stream purge RESULTS") {
		t.Errorf("got %v of RESULTS, want that old ones may be removed", err)
	}
}

func TestDeletionsAreCountedFromATimeOn(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	publish := func(kinds ...string) (stored time.Time) {
		for _, kind := range kinds {
			ack, err := b.JetStream().Publish(t.Context(), kind, nil)
			if err != nil {
				t.Fatal(err)
			}
			stream, err := b.JetStream().Stream(t.Context(), bus.EventsStream)
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
		if gotDeleted, gotAll, err := b.Counts(t.Context(), since); gotDeleted != deleted || gotAll != all || err != nil {
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
	stream, err := b.JetStream().Stream(t.Context(), bus.EventsStream)
	if err == nil {
		err = stream.Purge(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	want(begun, 0, 0)
	publish(events.UserCreated, events.UserDeleted)
	want(begun, 1, 2)
}

func deadLetter(key string) bus.DeadLetter {
	return bus.DeadLetter{
		Vendor: "acme", Type: events.UserCreated, Key: key, Class: "permanent", Message: "status 422", Attempts: 3,
		Epoch: 1, Seq: 42, Subject: events.UserCreated, Payload: []byte("{}"),
		Header: map[string][]string{"Content-Type": {"application/cloudevents+json"}, "Nats-Msg-Id": {"x"}},
	}
}

func TestTheNewestDeadLetterOfAnEffectStays(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	newer := deadLetter("k1")
	newer.Attempts = 9
	for _, d := range []bus.DeadLetter{deadLetter("k1"), deadLetter("k2"), newer} {
		if err := b.Bury(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	err := b.DeadLetters(t.Context(), func(d bus.DeadLetter) bool {
		got = append(got, d.ID())
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"acme.k2", "acme.k1"}, got); diff != "" {
		t.Errorf("dead letters differ (-want +got):\n%s", diff)
	}
	if d, err := b.DeadLetter(t.Context(), "acme.k1"); err != nil || d.Attempts != 9 {
		t.Errorf("got %d attempts (%v), want 9", d.Attempts, err)
	}
}

func TestReadReplayTakesNothingElse(t *testing.T) {
	for name, header := range map[string]map[string][]string{
		"none":     nil,
		"no key":   {"Usher-Epoch": {"1"}, "Usher-Seq": {"2"}, "Usher-Replay": {"1"}},
		"no count": {"Usher-Key": {"k"}, "Usher-Epoch": {"1"}, "Usher-Seq": {"2"}},
		"garbage":  {"Usher-Key": {"k"}, "Usher-Epoch": {"one"}, "Usher-Seq": {"2"}, "Usher-Replay": {"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := bus.ReadReplay(header); ok {
				t.Error("it was taken for a replay")
			}
		})
	}
}

func TestResults(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	for _, id := range []string{"e1", "e2"} {
		request := event(t, id)
		for _, vendor := range []string{"acme", "other"} {
			result, err := events.NewResult(events.ResultOf{
				Request: request, Key: events.Key("/school", id), Source: "/usher", At: time.Unix(1, 0),
				Result: events.Result{Vendor: vendor, Outcome: events.Done},
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // told twice, stored once
				if err := b.Publish(t.Context(), vendor, result); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	var got []string
	err := b.Results(t.Context(), bus.ResultsQuery{Vendor: "acme"}, func(_ events.Event, r events.Result) bool {
		got = append(got, r.Vendor+" "+r.Event.ID)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"acme e1", "acme e2"}, got); diff != "" {
		t.Errorf("results differ (-want +got):\n%s", diff)
	}
}

func TestConnectSaysWhatToCheck(t *testing.T) {
	t.Parallel()
	guard := guarded(t, "127.0.0.1:0", "right")
	tests := map[string]struct {
		options bus.Options
		want    string
	}{
		"nobody in time":  {bus.Options{URL: "nats://127.0.0.1:1"}, "nats: nobody listens at nats.url (USHER_NATS_URL): is usher serve, or the NATS server, running?"},
		"nobody, at once": {bus.Options{URL: "nats://127.0.0.1:1", Once: true, Where: "there"}, "nats: nobody listens at there: is usher serve, or the NATS server, running?"},
		"refused, at once": {
			bus.Options{URL: guard.URL(), Once: true, Where: "there"},
			"nats: there refuses us: nats: Authorization Violation; check the credentials (nats.creds, nats.user, nats.token …)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context() // which does not end before the test: Once does not wait for it
			if !test.options.Once {
				limited, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
				defer cancel()
				ctx = limited
			}
			if _, err := bus.Connect(ctx, test.options); fmt.Sprint(err) != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}
