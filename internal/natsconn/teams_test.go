package natsconn_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

func TestWebSockets(t *testing.T) {
	t.Parallel()
	cert, key := certify(t, t.TempDir(), 1)
	for name, c := range map[string]struct{ security, scheme, ca string }{
		"plain": {"no_tls: true", "ws", ""},
		"TLS":   {fmt.Sprintf("tls { cert_file: %q, key_file: %q }", cert, key), "wss", cert},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, o := configured(t, fmt.Sprintf("jetstream { store_dir: \"DIR/js\" }\nwebsocket { listen: \"127.0.0.1:-1\", %s }", c.security))
			natstest.Until(t, "the port of web sockets is open", func() bool { return o.Websocket.Port > 0 })
			want := fmt.Sprintf("%s://127.0.0.1:%d", c.scheme, o.Websocket.Port)
			if !strings.HasPrefix(s.WebsocketURL(), c.scheme+":") {
				t.Errorf("got %s, want a URL of %s", s.WebsocketURL(), c.scheme)
			}
			stores(t, natsconn.Options{URL: want, CA: c.ca}, streams.API{})
		})
	}
}

// TestRenewedSecretsCountAtTheNextConnection changes the password and the token at the server, and
// then those of the client.
func TestRenewedSecretsCountAtTheNextConnection(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options natsconn.Options
		auth    string
	}{
		"password": {natsconn.Options{User: "usher", Password: "first"}, "authorization { user: usher, password: %s }"},
		"token":    {natsconn.Options{Token: "first"}, "authorization { token: %s }"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var secret atomic.Value
			secret.Store("first")
			start := func(addr string) *server.Server {
				s, _ := configured(t, fmt.Sprintf("listen: %q\n"+c.auth, addr, secret.Load()))
				return s
			}
			s := start("127.0.0.1:-1")
			addr := s.Addr().String()
			c.options.URL, c.options.Log = "nats://"+addr, zerolog.Nop()
			c.options.Renew = func() (string, string) { return secret.Load().(string), secret.Load().(string) }
			nc, err := natsconn.Connect(t.Context(), c.options)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(nc.Close)
			s.Shutdown()
			s.WaitForShutdown()
			secret.Store("second")
			before := nc.Stats().Reconnects
			start(addr)
			natstest.Until(t, "the client is back with the new secret", func() bool { return nc.Stats().Reconnects > before && nc.IsConnected() })
		})
	}
}

// TestLameDuck lets a server announce its end and close its connections, and starts it again.
func TestLameDuck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := func(port int) *server.Server {
		s, err := server.NewServer(&server.Options{
			Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true,
			LameDuckDuration: 50 * time.Millisecond, LameDuckGracePeriod: time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		natstest.Until(t, "the server accepts connections", func() bool { return s.ReadyForConnections(time.Second) })
		return s
	}
	s := start(server.RANDOM_PORT)
	var log natstest.Log
	nc, err := natsconn.Connect(t.Context(), natsconn.Options{URL: s.ClientURL(), Log: zerolog.New(&log)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	port := s.Addr().String()[strings.LastIndex(s.Addr().String(), ":")+1:]
	s.LameDuckShutdown()
	s.WaitForShutdown()
	natstest.Until(t, "the log says so", func() bool { return strings.Contains(log.String(), "shuts down") })
	var number int
	if _, err := fmt.Sscan(port, &number); err != nil {
		t.Fatal(err)
	}
	before := nc.Stats().Reconnects
	start(number)
	natstest.Until(t, "the client is back", func() bool { return nc.Stats().Reconnects > before && nc.IsConnected() })
}

// TestWatchThroughAnImportedAPI watches pauses in another account: the messages of a push consumer
// would not arrive.
func TestWatchThroughAnImportedAPI(t *testing.T) {
	t.Parallel()
	s, _ := configured(t, `jetstream { store_dir: "DIR/js" }
accounts {
  JS: { jetstream: enabled, exports: [ { service: "$JS.API.>", response_type: stream }, { service: "$KV.>" } ] }
  APP: { users: [ { user: app, password: p } ], imports: [
    { service: { account: JS, subject: "$JS.API.>" }, to: "JS.hub.API.>" }, { service: { account: JS, subject: "$KV.>" }, to: "JS.hub.API.$KV.>" } ] }
}`)
	nc, err := natsconn.Connect(t.Context(), natsconn.Options{URL: s.ClientURL(), User: "app", Password: "p", Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	client, err := streams.NewClient(nc, streams.API{Prefix: "JS.hub.API"}, streams.Names{})
	if err != nil {
		t.Fatal(err)
	}
	natstest.Until(t, "JetStream creates the bucket", func() bool {
		_, err := client.JetStream.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: streams.ControlBucket})
		return err == nil
	})
	set, seen := streams.NewSet(client, "EVENTS"), make(chan map[string]streams.Pause, 100)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		set.Control.WatchPauses(ctx, func(all map[string]streams.Pause) { seen <- all })
	}()
	t.Cleanup(func() { stop(); <-ended })
	if first := natstest.Receive(t, "the pauses at the start", seen); len(first) != 0 {
		t.Errorf("got %v, want none", first)
	}
	if err := set.Control.SetPause(t.Context(), "lead", streams.Pause{Since: time.Now()}); err != nil {
		t.Fatal(err)
	}
	natstest.Until(t, "the pause is seen", func() bool { return len(natstest.Receive(t, "pauses", seen)) == 1 })
}
