package engine

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/telemetry"
	"github.com/usherhq/usher/schemas"
)

// Server is the HTTP side of a process. It is there before NATS is, and says so.
type Server struct {
	Options
	bus     atomic.Pointer[bus.Bus]
	serving atomic.Pointer[Engine] // nil until the workers run
	metrics *telemetry.Metrics
	traces  *telemetry.Traces // nil: no traces

	desked sync.Once
	desk   *ops.Desk
}

// NewServer returns the HTTP side of a process. It answers before NATS is connected.
func NewServer(o Options) (*Server, error) {
	s := &Server{Options: o, metrics: telemetry.New(o.Version)}
	s.metrics.NATS(func() bool { b := s.bus.Load(); return b != nil && b.Status() == "ok" })
	sent, _ := o.Config.Traces.Sent() // which Load has checked
	var err error
	s.traces, err = telemetry.NewTraces(telemetry.TracesConfig{
		Endpoint: o.Config.Traces.Endpoint, Headers: sent, Ratio: o.Config.Traces.Ratio, Version: o.Version, Log: o.Log,
	})
	if s.traces != nil {
		o.Log.Info().Str("endpoint", o.Config.Traces.Endpoint).Float64("ratio", o.Config.Traces.Ratio).Msg("sending traces")
	}
	return s, err
}

// Connect gives the server the connection to NATS.
func (s *Server) Connect(b *bus.Bus) { s.bus.Store(b) }

// Engine returns the workers of the process, on the connection of the server. The server is
// ready once they run.
func (s *Server) Engine() *Engine {
	e := &Engine{
		Config: s.Config, Catalog: s.Catalog, Log: s.Log, Bus: s.bus.Load(), Reload: s.Reload, Observe: s.Observe,
		Metrics: s.metrics, Traces: s.traces,
	}
	e.ready = func() { s.serving.Store(e) }
	return e
}

var errNotYet = errors.New("there is no NATS yet")

// Store is the Stream of the endpoint.
func (s *Server) Store(ctx context.Context, list []events.Event) error {
	b := s.bus.Load()
	if b == nil {
		return errNotYet
	}
	return b.Store(ctx, list)
}

// MaxMessage is what NATS takes; zero while it is not there.
func (s *Server) MaxMessage() int64 {
	if b := s.bus.Load(); b != nil {
		return b.MaxMessage()
	}
	return 0
}

// Keep makes a dead letter of a delivery.
func (s *Server) Keep(ctx context.Context, d ingest.Delivery) error {
	b := s.bus.Load()
	if b == nil {
		return errNotYet
	}
	id := d.ID
	if id == "" {
		id = string(d.Body)
	}
	header := http.Header{}
	for name, values := range d.Header {
		if !proves(name) && !strings.EqualFold(name, s.Config.Webhooks[d.Source].Header) {
			header[name] = values
		}
	}
	return b.Bury(ctx, bus.DeadLetter{
		Vendor: ops.Deliveries, Type: d.Source, Key: events.Key("/webhooks/"+d.Source, id), EventID: d.ID, Source: "/webhooks/" + d.Source,
		Class: "invalid", Message: d.Problem, Pointer: d.Pointer, Rule: d.Rule,
		Attempts: 1, FirstTry: d.At.UTC(), LastTry: d.At.UTC(), Stored: d.At.UTC(),
		Subject: "/webhooks/" + d.Source, Header: header, Payload: d.Body,
	})
}

// proves tells whether a header of that name may prove who sent a delivery: then
// it is not kept.
func proves(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"auth", "cookie", "sign", "token", "secret", "key", "hmac"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}

// Ready says which parts of the process can do their work.
func (s *Server) Ready() ingest.Readiness {
	parts := map[string]string{"nats": "connecting", "workers": "waiting for NATS"}
	if b := s.bus.Load(); b != nil {
		parts["nats"] = b.Status()
	}
	e := s.serving.Load()
	ready := parts["nats"] == "ok" && e != nil
	switch {
	case !s.Config.Worker.On:
		parts["workers"] = "off"
	case e != nil:
		parts["workers"] = "ok"
		if failing := e.failing(); len(failing) > 0 {
			parts["workers"] = "NATS fails steps for " + strings.Join(failing, ", ") + ": they are tried again"
		}
	}
	return ingest.Readiness{Ready: ready, Parts: parts}
}

// handler is the endpoint as it is configured, with the pages of the console.
func (s *Server) handler(pages http.Handler) (http.Handler, error) {
	set, err := schemas.New()
	if err != nil {
		return nil, err
	}
	c := s.Config
	hooks, clients, faults := Senders(c)
	if len(faults) > 0 {
		return nil, SettingsError{together(faults)}
	}
	all := ingest.New(ingest.Config{
		Clients: clients, Rate: c.HTTP.Rate, MaxBody: int64(c.HTTP.MaxBody), StoreTime: bus.CallTimeout,
		Origins: c.HTTP.Origins, Callbacks: c.HTTP.Callbacks, Webhooks: hooks,
	}, ingest.Deps{
		Tracer:  s.traces.Tracer(),
		Console: pages,
		Metrics: s.metrics.Handler(), Answered: s.metrics.Request,
		Stream: s, Failed: s, Validate: set.Validate, Schema: schemas.JSON, Ready: s.Ready,
		Client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Log:    s.Log,
	})
	if !c.HTTP.Events {
		return withoutEvents(all), nil
	}
	return all, nil
}

// withoutEvents is the endpoint of a process that takes no events: what it is
// asked it answers, and nothing can be brought to it.
func withoutEvents(all http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" || strings.HasPrefix(r.URL.Path, "/webhooks/") {
			http.Error(w, "this process takes no events: http.events is false", http.StatusNotFound)
			return
		}
		all.ServeHTTP(w, r)
	})
}

// Listen opens the address of the endpoint, and returns what answers there until
// its context ends. Where there is to be none, that does nothing.
func (s *Server) Listen(ctx context.Context) (answer func(context.Context) error, err error) {
	c := s.Config
	if !c.HTTP.On() {
		return func(context.Context) error { return nil }, nil
	}
	pages, err := s.console()
	if err != nil {
		return nil, err
	}
	h, err := s.handler(pages)
	if err != nil {
		return nil, err
	}
	l, err := ingest.Listen(ctx, c.HTTP.Addr)
	if err != nil {
		return nil, err
	}
	s.Log.Info().Str("addr", l.Addr().String()).Bool("tls", c.HTTP.TLSCert != "").Bool("events", c.HTTP.Events).Msg("listening for events over HTTP")
	limits := ingest.ServerConfig{
		Cert: c.HTTP.TLSCert, Key: c.HTTP.TLSKey, Slow: c.HTTP.Timeout, Header: min(c.HTTP.Timeout, 10*time.Second),
		Idle: c.HTTP.Idle, Grace: c.Worker.Shutdown / 2,
	}
	return func(ctx context.Context) error {
		defer pages.Close()
		defer context.AfterFunc(ctx, pages.Close)() // live pages end at once, rather than hold up the end
		return ingest.Serve(ctx, l, limits, h, s.Log)
	}, nil
}

// console is the pages of the endpoint, for those whom the configuration names.
// Where open is set, anybody on this machine may use them. Close ends them.
func (s *Server) console() (*console.Console, error) {
	c := console.Config{Open: s.OpenConsole}
	for _, token := range s.Config.Console.Tokens {
		c.People = append(c.People, console.Person{Name: "operator", Operator: true, Token: token})
	}
	for _, p := range s.Config.Console.People {
		c.People = append(c.People, console.Person{Name: p.Name, Operator: p.Role == config.RoleOperator, Token: p.Token})
	}
	return console.New(c, console.Deps{Desk: s.theDesk, Log: s.Log, Version: s.Version})
}

// theDesk is the one desk of the process; nil while there is no NATS.
func (s *Server) theDesk() *ops.Desk {
	b := s.bus.Load()
	if b == nil {
		return nil
	}
	s.desked.Do(func() { s.desk = s.Catalog.Desk(b, s.Config) })
	return s.desk
}
