// Package demo holds the command usher demo.
package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/send"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/vendors/sandbox"
)

// Cmd is usher demo.
type Cmd struct {
	Events int     `help:"How many events the term has, duplicates not counted; ${default} by default." default:"300" placeholder:"N"`
	Seed   uint64  `help:"The same seed plays the same term; ${default} by default." default:"1" placeholder:"S"`
	Faults float64 `help:"Share of vendor calls that go wrong: refused, lost before or after their effect, too many; ${default} by default." default:"0.1" placeholder:"P"`
	Exit   bool    `help:"End when the term is over, instead of leaving all running."`
	JSON   bool    `help:"Print the outcome as one JSON object, the last line on standard output." name:"json"`
}

// Help is shown below the flags.
func (Cmd) Help() string {
	return `One process runs an embedded NATS server, stand-ins for the five vendors, and Usher. A school's
term is published: pupils join, enrol, learn and leave, with duplicates and events out of order,
while the vendors fail at random. At the end the stand-ins are asked what they hold.
Exit code 1 if anything was lost, done twice, or left unfinished.

Examples:
  usher demo
  usher demo --events 2000 --faults 0.3
  usher demo --events 500 --seed 7 --exit --json`
}

const demoLimit = 50 * time.Second // without a new result, until the demo gives up

// Validate refuses values that mean nothing.
func (d Cmd) Validate() error {
	if d.Events < 1 || d.Faults < 0 || d.Faults > 0.9 {
		return fmt.Errorf("--events must be at least 1, and --faults from 0 to 0.9")
	}
	return nil
}

// Run plays the demo.
func (d Cmd) Run(ctx context.Context, a *app.App) error {
	stage, err := d.raise(ctx, a)
	if err != nil {
		return err
	}
	defer stage.close()
	outcome, err := stage.play(ctx)
	if err != nil {
		return err
	}
	stage.show.outcome(outcome)
	if d.JSON {
		if err := json.NewEncoder(a.Stdout).Encode(outcome); err != nil {
			return err
		}
	}
	if !d.Exit && ctx.Err() == nil {
		stage.show.whatNext(stage)
		<-ctx.Done()
	}
	if !outcome.clean() {
		return app.ErrSilent
	}
	return nil
}

// stage is the demo's world: NATS, the stand-ins, and what usher is told of them.
type stage struct {
	Cmd
	catalog engine.Catalog
	config  config.Config
	school  *Scenario
	sandbox *sandbox.Sandbox
	host    string // of the stand-ins
	nats    string // URL
	bus     *bus.Bus
	poster  send.Poster // to the endpoint for events
	server  *engine.Server
	version string
	show    *show
	ends    []func()
}

// raise starts all that the demo needs, on loopback and in a directory that goes away.
func (d Cmd) raise(ctx context.Context, a *app.App) (s *stage, err error) {
	s = &stage{Cmd: d, catalog: a.Catalog, version: a.Version, show: newShow(a, d.JSON)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.school, err = NewScenario(d.Events, d.Seed); err != nil {
		return s, err
	}
	if err := s.standIns(ctx); err != nil {
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
		// It waits in seconds where usher serve waits in minutes.
		"USHER_WORKER_RETRY_MIN=50ms", "USHER_WORKER_RETRY_MAX=1s", "USHER_WORKER_HOLD_RETRY=500ms",
	)
	for _, v := range []string{"MIESTRO", "MEIRO", "LEAD", "MAGLOFT", "USERMOST"} {
		environ = append(environ, "USHER_"+v+"_TIMEOUT=1s")
	}
	if s.config, err = config.Load(config.Sources{Environ: environ, Vendors: s.catalog.Sections()}); err != nil {
		return s, err
	}
	s.config.Courses = config.Courses(scenario.Courses())
	s.nats = "nats://" + s.config.NATS.Embedded.Addr
	b, end, err := engine.Connect(ctx, s.config.NATS, bus.Options{Log: zerolog.Nop()})
	if err != nil {
		return s, err
	}
	s.bus, s.ends = b, append(s.ends, end)
	return s, s.endpoint(ctx)
}

// endpoint takes events over HTTP, as usher serve does.
func (s *stage) endpoint(ctx context.Context) error {
	addr, err := freeAddr(ctx, s.config.HTTP.Addr)
	if err != nil {
		return err
	}
	s.config.HTTP.Addr, s.config.HTTP.Rate = addr, 0
	s.config.Console = config.Console{} // open, whatever a file here says
	s.server, err = engine.NewServer(engine.Options{
		Config: s.config, Catalog: s.catalog, Log: zerolog.Nop(), Version: s.version, Observe: s.show.seen, OpenConsole: true,
	})
	if err != nil {
		return err
	}
	s.server.Connect(s.bus)
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

// standIns serves the sandbox.
func (s *stage) standIns(ctx context.Context) (err error) {
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
		_ = server.Serve(listener) // ends with Close
	}()
	s.ends = append(s.ends, func() { _ = server.Close(); <-done })
	return nil
}

// close ends all that was started, the newest first.
func (s *stage) close() {
	for i := len(s.ends) - 1; i >= 0; i-- {
		s.ends[i]()
	}
}

// listen listens on addr, or where that is taken on another port of its host.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err == nil {
		return l, nil
	}
	host, _, _ := net.SplitHostPort(addr)
	return config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
}

// freeAddr returns an address that listen has found free.
func freeAddr(ctx context.Context, addr string) (string, error) {
	l, err := listen(ctx, addr)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// play publishes the scenario, lets usher work until all is told, and asks the
// stand-ins what they hold.
func (s *stage) play(ctx context.Context) (*outcome, error) {
	begun := time.Now()
	expected, err := s.school.Effects(s.catalog, &s.config)
	if err != nil {
		return nil, err
	}
	if err := s.bus.Ensure(ctx); err != nil {
		return nil, err
	}
	s.show.begin(s, expected)
	working, stop := context.WithCancel(ctx)
	worked := make(chan error, 1)
	go func() { worked <- s.server.Engine().Run(working) }()
	s.ends = append(s.ends, func() { stop(); s.show.fault(<-worked) })
	if err := s.publish(ctx); err != nil {
		return nil, err
	}
	results, err := s.await(ctx, expected)
	if err != nil {
		return nil, err
	}
	s.show.end()
	return s.judge(expected, results, time.Since(begun)), nil
}

// publish publishes the scenario, every other event over HTTP.
func (s *stage) publish(ctx context.Context) error {
	for i, p := range s.school.Published {
		if i%2 == 0 && !p.Repeat {
			body, n, err := send.NextBatch([]events.Event{p.Event})
			if err == nil {
				err = s.poster.Post(ctx, body, n)
			}
			if err != nil {
				return fmt.Errorf("post the scenario: %w", err)
			}
			continue
		}
		m, err := p.Message()
		if err != nil {
			return err
		}
		if _, err := s.bus.JetStream().PublishMsg(ctx, m); err != nil {
			return fmt.Errorf("publish the scenario: %w", err)
		}
	}
	return nil
}

// await reads the results until every expected one is there, or none has come
// for long.
func (s *stage) await(ctx context.Context, expected map[Effect]bool) (map[Effect]events.Result, error) {
	results := map[Effect]events.Result{}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	late := time.AfterFunc(demoLimit, stop)
	defer late.Stop()
	missing := len(expected)
	err := s.bus.Results(reading, bus.ResultsQuery{Follow: true}, func(e events.Event, r events.Result) bool {
		id := Effect{r.Vendor, e.ID()}
		if _, known := results[id]; !known && expected[id] {
			missing--
		}
		results[id] = r
		late.Reset(demoLimit)
		return missing > 0
	})
	if err != nil && reading.Err() == nil {
		return nil, err
	}
	return results, ctx.Err()
}
