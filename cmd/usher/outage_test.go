package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/natstest"
)

// ports counts the ports that were handed out. Another process begins elsewhere.
var ports atomic.Int64

// address returns an address on the loopback where nobody listens, each once. Its port is
// below those that Linux gives to connections and to listeners that ask for any port: nobody
// takes the port between the call and the use.
func address(t testing.TB) string {
	t.Helper()
	const from, to = 20_000, 32_000
	for range to - from {
		port := from + (int64(os.Getpid())*97+ports.Add(1))%(to-from)
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			_ = l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// natsServer starts a server, which ends with the test.
func (w *world) natsServer(o *server.Options) *server.Server {
	w.t.Helper()
	o.NoSigs, o.NoLog, o.StoreDir = true, true, w.t.TempDir()
	s, err := server.NewServer(o)
	if err != nil {
		w.t.Fatal(err)
	}
	s.Start()
	w.t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(natstest.Patience) {
		w.t.Fatal("the NATS server does not start")
	}
	return s
}

// listening is options of a server at an address.
func listening(t testing.TB, addr string) *server.Options {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	o := &server.Options{Host: host, JetStream: true, ServerName: "n" + port}
	if o.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	return o
}

// clustered makes it one of two servers: alone it has no leader.
func clustered(t testing.TB, o *server.Options, own, other string) *server.Options {
	t.Helper()
	host, port, err := net.SplitHostPort(own)
	if err != nil {
		t.Fatal(err)
	}
	o.Cluster = server.ClusterOpts{Name: "test", Host: host}
	if o.Cluster.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	o.Routes = []*url.URL{{Scheme: "nats", Host: own}, {Scheme: "nats", Host: other}}
	return o
}

const oneUser = `{"user_id":"u1","email":"ann@example.org","first_name":"Ann","last_name":"Lee"}`

// everywhere is what comes of a user that every vendor can create.
var everywhere = map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "done"}

// TestServeWaitsForNATS starts serve before its NATS is as it needs it.
func TestServeWaitsForNATS(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		// before starts what is there at first, and returns what makes it right.
		before func(w *world, addr string) (mend func())
		said   string // by serve, until then
	}{
		"no server": {
			func(w *world, addr string) func() {
				return func() { w.natsServer(listening(w.t, addr)) }
			},
			"no server lets us in yet, trying on; check nats.url (USHER_NATS_URL)",
		},
		"wrong password": {
			func(w *world, addr string) func() {
				o := listening(w.t, addr)
				o.Username, o.Password = "usher", "another"
				s := w.natsServer(o)
				return func() {
					w.until("it is refused again, and again", func() bool {
						closed, err := s.Connz(&server.ConnzOptions{State: server.ConnClosed})
						return err == nil && closed.Total >= 4
					})
					s.Shutdown()
					s.WaitForShutdown()
					o := listening(w.t, addr)
					o.Username, o.Password = "usher", "right"
					w.natsServer(o)
				}
			},
			"iolation", // of the authorization, in either case
		},
		"no JetStream": {
			func(w *world, addr string) func() {
				o := listening(w.t, addr)
				o.JetStream = false
				s := w.natsServer(o)
				return func() {
					s.Shutdown()
					s.WaitForShutdown()
					w.natsServer(listening(w.t, addr))
				}
			},
			"is JetStream turned on at the server",
		},
		"no leader": {
			func(w *world, addr string) func() {
				one, two := address(w.t), address(w.t)
				w.natsServer(clustered(w.t, listening(w.t, addr), one, two))
				return func() {
					w.natsServer(clustered(w.t, listening(w.t, address(w.t)), two, one))
				}
			},
			"are enough servers of the cluster up",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, addr := newWorld(t), address(t)
			w.nats = "nats://" + addr
			w.environ = append(w.environ, "USHER_NATS_URL="+w.nats, "USHER_NATS_USER=usher", "USHER_NATS_PASSWORD=right")
			mend := c.before(w, addr)
			w.begin()
			w.waitLog(c.said, 1)
			mend()
			w.waitLog(`"serving"`, 1)
			w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "c1", oneUser))
			w.expect("c1", everywhere)
			w.end()
		})
	}
}

// end stops serve, which must end well.
func (w *world) end() {
	w.t.Helper()
	w.stop()
	if err := natstest.Receive(w.t, "the end of serve", w.ended); err != nil {
		w.t.Error(err)
	}
}

// TestServeEndsOnPermanentFault starts serve on a NATS that is up, and
// that its configuration does not fit.
func TestServeEndsOnPermanentFault(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		stream  jetstream.StreamConfig // that is there already
		environ []string
		plain   bool // whether the account is without JetStream
		want    string
	}{
		"the stream of events is not there": {
			environ: []string{"USHER_NATS_EVENTS_STREAM=SCHOOL"},
			want:    "set nats.events_stream (USHER_NATS_EVENTS_STREAM)",
		},
		"another stream holds the events": {
			stream: jetstream.StreamConfig{Name: "SCHOOL", Subjects: []string{"user.created", "user.deleted"}},
			want:   "the stream SCHOOL holds its subjects: set nats.events_stream",
		},
		"the account is without JetStream": {plain: true, want: "turn JetStream on for the account"},
		"replicas without a cluster":       {environ: []string{"USHER_NATS_REPLICAS=3"}, want: "set nats.replicas (USHER_NATS_REPLICAS) to 1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, addr := newWorld(t), address(t)
			w.nats = "nats://" + addr
			o := listening(t, addr)
			with, without := server.NewAccount("with"), server.NewAccount("without")
			o.Accounts = []*server.Account{with, without}
			account := with
			if c.plain {
				account = without
			}
			o.Users = []*server.User{{Username: "usher", Password: "right", Account: account}}
			s := w.natsServer(o)
			enabled, err := s.LookupAccount("with")
			if err != nil {
				t.Fatal(err)
			}
			if err := enabled.EnableJetStream(nil, nil); err != nil {
				t.Fatal(err)
			}
			w.environ = append(w.environ, "USHER_NATS_URL="+w.nats, "USHER_NATS_USER=usher", "USHER_NATS_PASSWORD=right")
			w.environ = append(w.environ, c.environ...)
			if c.stream.Name != "" {
				if _, err := w.streams().CreateStream(t.Context(), c.stream); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), natstest.Patience)
			defer cancel()
			err = run(ctx, app.Environment{Args: []string{"--config", w.file, "serve"}, Environ: w.environ, Stderr: w.log, Stdout: w.log})
			if err == nil || !strings.Contains(err.Error(), c.want) || cli.ExitCode(err) != cli.ExitFailed {
				t.Errorf("got %v, want exit code 1 and an error that says %q\n%s", err, c.want, w.log)
			}
		})
	}
}

// streams is the streams of the world's NATS.
func (w *world) streams() jetstream.JetStream {
	w.t.Helper()
	nc, err := bus.Connect(w.t.Context(), bus.Options{URL: w.nats, User: "usher", Password: "right"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	js, err := bus.JetStream(nc)
	if err != nil {
		w.t.Fatal(err)
	}
	return js
}
