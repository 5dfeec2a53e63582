package admin_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

var layout = natstest.Layout()

// world is a NATS server without streams, and the management of a layout.
type world struct {
	*admin.Admin
	set *streams.Set
	nc  *nats.Conn
	js  jetstream.JetStream
}

// empty starts a server without streams.
func empty(t *testing.T, l admin.Layout) world {
	t.Helper()
	return worldOf(t, natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{})), l)
}

func worldOf(t *testing.T, nc *nats.Conn, l admin.Layout) world {
	t.Helper()
	c := natstest.Client(t, nc)
	return world{Admin: admin.New(c, l), set: streams.NewSet(c, l.Events), nc: nc, js: c.JetStream}
}

// worker starts a server with the streams of the workers.
func worker(t *testing.T) world {
	t.Helper()
	t.Parallel()
	w := empty(t, layout)
	w.ensureWorker(t)
	return w
}

func (w world) ensureWorker(t *testing.T) {
	t.Helper()
	check(t, admin.EnsureWorker(t.Context(), w.js, admin.Workers{}))
}

func (w world) create(t *testing.T, c jetstream.StreamConfig) {
	t.Helper()
	_, err := w.js.CreateStream(t.Context(), c)
	check(t, err)
}

func (w world) info(t *testing.T, name string) *jetstream.StreamInfo {
	t.Helper()
	s, err := w.js.Stream(t.Context(), name)
	check(t, err)
	return s.CachedInfo()
}

// check fails the test at once on an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// letters returns the stored dead letters.
func letters(t *testing.T, w world) (list []streams.DeadLetter) {
	t.Helper()
	for d, err := range w.set.DeadLetters.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, d)
	}
	return list
}

// ensured starts a server with all streams.
func ensured(t *testing.T) world {
	t.Helper()
	w := empty(t, layout)
	if err := w.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func event(t *testing.T, id string) events.Event {
	t.Helper()
	e, err := events.New(events.UserCreated, "/school", id, time.Unix(1_700_000_000, 0), map[string]any{"user_id": id, "email": id + "@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func deadLetter(key string) streams.DeadLetter {
	return streams.DeadLetter{
		Vendor: "acme", Type: events.UserCreated, Key: key, Class: "permanent", Message: "status 422", Attempts: 3,
		Epoch: 1, Seq: 42, Subject: events.UserCreated, Payload: []byte("{}"),
		Header: map[string][]string{"Content-Type": {"application/cloudevents+json"}, "Nats-Msg-Id": {"x"}},
	}
}
