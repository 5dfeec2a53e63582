package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/telemetry"
	"github.com/usherhq/usher/schemas"
)

// front is the HTTP side of a process. It is there before NATS is, and says so.
type front struct {
	streams atomic.Pointer[streams.Set]
	serving atomic.Pointer[engine] // that works; nil: none yet
	config  config.Config
	log     zerolog.Logger
	metrics *telemetry.Metrics
	traces  *telemetry.Traces // nil: none
	open    bool              // the console asks no one on this machine who it is

	desked sync.Once
	desk   *ops.Desk
}

func newFront(c config.Config, log zerolog.Logger) *front {
	f := &front{config: c, log: log, metrics: telemetry.New(version())}
	f.metrics.NATS(func() bool { return f.natsStatus() == "ok" })
	return f
}

// natsStatus returns "ok" for an open connection to NATS, else the status of the connection.
func (f *front) natsStatus() string {
	set := f.streams.Load()
	if set == nil {
		return "connecting"
	}
	return natsconn.Status(set.Client.JetStream.Conn())
}

var errNotYet = errors.New("there is no NATS yet")

// Store is the Stream of the endpoint.
func (f *front) Store(ctx context.Context, list []events.Event) error {
	set := f.streams.Load()
	if set == nil {
		return errNotYet
	}
	return set.Events.Store(ctx, list)
}

// MaxMessage is what NATS takes; zero while it is not there.
func (f *front) MaxMessage() int64 {
	if set := f.streams.Load(); set != nil {
		return set.Events.MaxMessage()
	}
	return 0
}

// Keep makes a dead letter of a delivery.
func (f *front) Keep(ctx context.Context, d ingest.Delivery) error {
	set := f.streams.Load()
	if set == nil {
		return errNotYet
	}
	id := d.ID
	if id == "" {
		id = string(d.Body)
	}
	header := http.Header{}
	for name, values := range d.Header {
		if !proves(name) && !strings.EqualFold(name, f.config.Webhooks[d.Source].Header) {
			header[name] = values
		}
	}
	return set.DeadLetters.Add(ctx, streams.DeadLetter{
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
func (f *front) Ready() ingest.Readiness {
	parts := map[string]string{"nats": f.natsStatus(), "workers": "waiting for NATS"}
	e := f.serving.Load()
	ready := parts["nats"] == "ok" && e != nil
	switch {
	case !f.config.Worker.On:
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
func (f *front) handler(pages http.Handler) (http.Handler, error) {
	set, err := schemas.New()
	if err != nil {
		return nil, err
	}
	c := f.config
	hooks, clients, faults := senders(c)
	if len(faults) > 0 {
		return nil, usageError{together(faults)}
	}
	all := ingest.New(ingest.Config{
		Clients: clients, Rate: c.HTTP.Rate, MaxBody: int64(c.HTTP.MaxBody), StoreTime: streams.CallTimeout,
		Origins: c.HTTP.Origins, Callbacks: c.HTTP.Callbacks, Webhooks: hooks,
	}, ingest.Deps{
		Tracer:  f.traces.Tracer(),
		Console: pages,
		Metrics: f.metrics.Handler(), Answered: f.metrics.Request,
		Stream: f, Failed: f, Validate: set.Validate, Schema: schemas.JSON, Ready: f.Ready,
		Client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Log:    f.log,
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

// listen opens the address of the endpoint, and returns what answers there until
// its context ends. Where there is to be none, that does nothing.
func (f *front) listen(ctx context.Context) (answer func(context.Context) error, err error) {
	c := f.config
	if !c.HTTP.On() {
		return func(context.Context) error { return nil }, nil
	}
	pages, err := f.console()
	if err != nil {
		return nil, err
	}
	h, err := f.handler(pages)
	if err != nil {
		return nil, err
	}
	l, err := ingest.Listen(ctx, c.HTTP.Addr)
	if err != nil {
		return nil, err
	}
	f.log.Info().Str("addr", l.Addr().String()).Bool("tls", c.HTTP.TLSCert != "").Bool("events", c.HTTP.Events).Msg("listening for events over HTTP")
	limits := ingest.ServerConfig{
		Cert: c.HTTP.TLSCert, Key: c.HTTP.TLSKey, Slow: c.HTTP.Timeout, Header: min(c.HTTP.Timeout, 10*time.Second),
		Idle: c.HTTP.Idle, Grace: c.Worker.Shutdown / 2,
	}
	return func(ctx context.Context) error {
		defer pages.Close()
		defer context.AfterFunc(ctx, pages.Close)() // live pages end at once, rather than hold up the end
		return ingest.Serve(ctx, l, limits, h, f.log)
	}, nil
}
