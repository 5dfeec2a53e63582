// Package natstest starts NATS for tests and waits for conditions.
package natstest

import (
	"cmp"
	"flag"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// Patience is the timeout of a test for one condition: far longer than any condition needs, so
// that a busy machine does not fail a test.
const Patience = 2 * time.Minute

// Layout returns a layout of streams with a retention of one hour.
func Layout() admin.Layout {
	return admin.Layout{
		Events: streams.EventsStream, Own: true, Replicas: 1, EventsAge: time.Hour, ResultsAge: time.Hour,
		DeadAge: time.Hour, AuditAge: time.Hour, HistoryAge: time.Hour, Activity: time.Hour, Window: time.Minute,
	}
}

// Start starts a NATS server in the test process and stops the server when t ends. Without a
// directory the server gets a temporary one. A zero interval of syncs to disk means a minute.
func Start(t testing.TB, o natsconn.EmbeddedOptions) *natsconn.Embedded {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.Sync = cmp.Or(o.Sync, time.Minute)
	server, err := natsconn.StartEmbedded(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

// Connect returns a connection to a server from Start, closed when t ends.
func Connect(t testing.TB, server *natsconn.Embedded) *nats.Conn {
	t.Helper()
	nc, err := natsconn.Connect(t.Context(), natsconn.Options{Server: server})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// Ensure creates all streams and buckets, and returns the streams.
func Ensure(t testing.TB, nc *nats.Conn, l admin.Layout) *streams.Set {
	t.Helper()
	c := Client(t, nc)
	if err := admin.New(c, l).Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return streams.NewSet(c, l.Events)
}

// Client returns a client over a connection.
func Client(t testing.TB, nc *nats.Conn) streams.Client {
	t.Helper()
	c, err := streams.NewClient(nc, streams.API{}, streams.Names{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Until polls a condition until ok reports true. After Patience, Until fails t with the name
// of the condition.
func Until(t testing.TB, condition string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for pause := 2 * time.Millisecond; !ok(); pause = min(2*pause, 100*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("condition not met after %s: %s", Patience, condition)
		}
		time.Sleep(pause)
	}
}

// Receive returns the next value of a channel. After Patience, Receive fails t with the name
// of the value.
func Receive[T any](t testing.TB, value string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(Patience):
		t.Fatalf("nothing received after %s: %s", Patience, value)
	}
	return v
}

// Full reports whether exhaustive tests run all cases (USHER_TEST_FULL=1), instead of the part
// chosen in each test.
func Full() bool { return os.Getenv("USHER_TEST_FULL") == "1" }

// Parallel lets n parallel tests of a package run at the same time, unless -parallel is given.
// The default, the number of processors, is too low for tests that mostly wait.
// TestMain calls Parallel before the tests run.
func Parallel(n int) {
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}
