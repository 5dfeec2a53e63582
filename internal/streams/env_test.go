package streams_test

import (
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// patience is the longest that a test waits for one condition.
const patience = 2 * time.Minute

// vendor is the vendor of most tests.
const vendor = "lms"

// env is a real nats-server in this process, and a connection to it.
type env struct {
	t      *testing.T
	dir    string
	port   int
	server *server.Server
	js     jetstream.JetStream
}

// start starts a server for a parallel test. The server flushes every message to the disk, so
// that kill loses none.
func start(t *testing.T) *env {
	t.Helper()
	t.Parallel()
	e := &env{t: t, dir: t.TempDir(), port: server.RANDOM_PORT}
	e.listen()
	t.Cleanup(func() { e.stop() })
	nc, err := nats.Connect(e.server.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // the server is killed on purpose
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if e.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	return e
}

// ensured starts a server with TIMERS, LEASES and OWNERSHIP.
func ensured(t *testing.T) *env {
	t.Helper()
	e := start(t)
	e.ensure()
	return e
}

func (e *env) ensure() {
	e.t.Helper()
	if err := admin.EnsureWorker(e.t.Context(), e.js, admin.Workers{}); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) client() streams.Client { return streams.Client{JetStream: e.js} }

func (e *env) listen() {
	e.t.Helper()
	s, err := server.NewServer(&server.Options{
		ServerName: "test", Host: "127.0.0.1", Port: e.port, JetStream: true, StoreDir: e.dir, SyncAlways: true, NoSigs: true, NoLog: true,
	})
	if err != nil {
		e.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		e.t.Fatal("the server does not start")
	}
	e.server = s
	e.port = s.Addr().(*net.TCPAddr).Port
}

func (e *env) stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}

// kill starts a server on a copy of the files of the running one, as a crash leaves them.
func (e *env) kill() {
	e.t.Helper()
	image := e.t.TempDir()
	if err := os.CopyFS(image, os.DirFS(e.dir)); err != nil {
		e.t.Fatal(err)
	}
	e.stop()
	e.dir = image
	e.listen()
}

// until polls a condition until it holds.
func until(t *testing.T, condition string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not so: %s", patience, condition)
		}
	}
}

// events creates the stream of events and publishes n of them.
func (e *env) events(n int) *streams.Events {
	e.t.Helper()
	e.create(jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"user.*", "other.*"}})
	e.publish("user.created", n)
	stream := streams.NewEvents(e.client(), "EVENTS")
	return stream
}

func (e *env) create(c jetstream.StreamConfig) {
	e.t.Helper()
	if _, err := e.js.CreateStream(e.t.Context(), c); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) publish(subject string, n int) {
	e.t.Helper()
	for i := range n {
		if _, err := e.js.Publish(e.t.Context(), subject, fmt.Append(nil, i)); err != nil {
			e.t.Fatal(err)
		}
	}
}

func (e *env) stream(name string) jetstream.Stream {
	e.t.Helper()
	s, err := e.js.Stream(e.t.Context(), name)
	if err != nil {
		e.t.Fatal(err)
	}
	return s
}

func (e *env) info(name string) *jetstream.StreamInfo {
	e.t.Helper()
	return e.stream(name).CachedInfo()
}

func (e *env) purge(name string) {
	e.t.Helper()
	if err := e.stream(name).Purge(e.t.Context()); err != nil {
		e.t.Fatal(err)
	}
}

// consumers returns the names of the consumers of a stream.
func (e *env) consumers(name string) []string {
	e.t.Helper()
	var list []string
	names := e.stream(name).ConsumerNames(e.t.Context())
	for n := range names.Name() {
		list = append(list, n)
	}
	if err := names.Err(); err != nil {
		e.t.Fatal(err)
	}
	return list
}

func (e *env) deleteConsumers(name string) {
	e.t.Helper()
	for _, consumer := range e.consumers(name) {
		if err := e.stream(name).DeleteConsumer(e.t.Context(), consumer); err != nil {
			e.t.Fatal(err)
		}
	}
}

// check fails the test at once on an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
