package demo

import (
	"context"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/send"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors/sandbox"
)

// environment is everything the demo runs: NATS, the stand-ins, and usher with its settings.
type environment struct {
	Cmd
	catalog engine.Catalog
	config  config.Config
	term    *Scenario
	sandbox *sandbox.Sandbox
	host    string // address of the stand-ins
	nats    string // URL of NATS
	streams *streams.Set
	poster  send.Poster // to the endpoint for events
	server  *engine.Server
	version string
	show    *show
	ends    []func() // stop the parts, in order of their start
}

// start starts the environment, on loopback and in a temporary directory.
func (d Cmd) start(ctx context.Context, a *app.App) (s *environment, err error) {
	s = &environment{Cmd: d, catalog: a.Catalog, version: a.Version, show: newShow(a, d.JSON)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.term, err = NewScenario(d.Events, d.Seed); err != nil {
		return s, err
	}
	if err := s.startSandbox(ctx); err != nil {
		return s, err
	}
	dir, err := os.MkdirTemp("", "usher-demo-")
	if err != nil {
		return s, err
	}
	s.ends = append(s.ends, func() { _ = os.RemoveAll(dir) })
	broker, err := freeAddr(ctx, "127.0.0.1:4222")
	if err != nil {
		return s, err
	}
	environ := append(sandbox.Environ(s.host),
		"USHER_MEIRO_MODE=customers", "USHER_MAGLOFT_MODE=readers", // pupils, not staff
		"USHER_NATS_EMBEDDED_DIR="+dir, "USHER_NATS_EMBEDDED_SYNC=1m", "USHER_NATS_EMBEDDED_ADDR="+broker,
		"USHER_WORKER_ACK_WAIT=6s", "USHER_WORKER_CALL_LEASE=3s", "USHER_WORKER_PREREQUISITE_WAIT=1m", "USHER_WORKER_SHUTDOWN=4s",
		// Waits of minutes in usher serve are seconds here.
		"USHER_WORKER_RETRY_MIN=50ms", "USHER_WORKER_RETRY_MAX=1s", "USHER_WORKER_HOLD_RETRY=500ms",
	)
	for _, v := range []string{"MIESTRO", "MEIRO", "LEAD", "MAGLOFT", "USERMOST"} {
		environ = append(environ, "USHER_"+v+"_TIMEOUT=1s")
	}
	if s.config, err = config.Load(config.Sources{Environ: environ, Vendors: s.catalog.Sections(), Kinds: s.catalog.Kinds(), Instance: s.catalog.Instance}); err != nil {
		return s, err
	}
	s.config.Courses = config.Courses(scenario.Courses())
	s.nats = "nats://" + s.config.NATS.Embedded.Addr
	set, end, err := engine.Connect(ctx, s.config.NATS, natsconn.Options{Log: zerolog.Nop()})
	if err != nil {
		return s, err
	}
	s.streams, s.ends = set, append(s.ends, end)
	return s, s.startServer(ctx)
}

// startServer starts the HTTP server of usher serve.
func (s *environment) startServer(ctx context.Context) error {
	addr, err := freeAddr(ctx, s.config.HTTP.Addr)
	if err != nil {
		return err
	}
	s.config.HTTP.Addr, s.config.HTTP.Rate = addr, 0
	s.config.Console = config.Console{} // no tokens of a configuration file
	s.server, err = engine.NewServer(engine.Options{
		Config: s.config, Catalog: s.catalog, Log: zerolog.Nop(), Version: s.version, Observe: s.show.observe, OpenConsole: true,
	})
	if err != nil {
		return err
	}
	s.server.Connect(s.streams)
	answer, err := s.server.Listen(ctx)
	if err != nil {
		return err
	}
	if s.poster, err = send.NewPoster("http://"+addr, ""); err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- answer(working) }()
	s.ends = append(s.ends, func() { s.poster.Close(); stop(); s.show.fault(<-ended) })
	return nil
}

// startSandbox starts the stand-ins.
func (s *environment) startSandbox(ctx context.Context) (err error) {
	s.sandbox, err = sandbox.New(sandbox.Config{Seed: s.Seed, Faults: s.Faults, Latency: 3 * time.Millisecond})
	if err != nil {
		return err
	}
	listener, err := listen(ctx, "127.0.0.1:8090")
	if err != nil {
		return err
	}
	s.host = listener.Addr().String()
	server := &http.Server{Handler: s.sandbox.Handler(), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // returns after Close
	}()
	s.ends = append(s.ends, func() { _ = server.Close(); <-done })
	return nil
}

// close stops all parts, the newest first.
func (s *environment) close() {
	for i := len(s.ends) - 1; i >= 0; i-- {
		s.ends[i]()
	}
}

// listen listens on addr, or on another port of its host if the port is in use.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err == nil {
		return l, nil
	}
	host, _, _ := net.SplitHostPort(addr)
	return config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
}

// freeAddr returns addr, or another port of its host if the port is in use.
func freeAddr(ctx context.Context, addr string) (string, error) {
	l, err := listen(ctx, addr)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
