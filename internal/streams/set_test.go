package streams_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

var layout = natstest.Layout()

// newSet starts a server with all streams.
func newSet(t *testing.T) *streams.Set {
	t.Helper()
	return natstest.Ensure(t, natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{})), layout)
}

// emptySet starts a server without streams.
func emptySet(t *testing.T) (*streams.Set, *nats.Conn) {
	t.Helper()
	nc := natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{}))
	return streams.NewSet(natstest.Client(t, nc), layout.Events), nc
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
