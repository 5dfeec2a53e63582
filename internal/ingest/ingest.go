// Package ingest accepts events over HTTP: CloudEvents, one or a batch (POST /events), and
// signed deliveries of other senders (POST /webhooks/{source}). After a 202 all events are in
// the stream of events. The content of events has no effect here.
package ingest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/caller"
)

// Stream stores events.
type Stream interface {
	// Store stores the events and returns once all are stored. An event stored before counts as
	// stored. After an error some events may be stored; storing all of them again is harmless.
	Store(ctx context.Context, list []events.Event) error
	// MaxMessage returns the maximum size of an event with envelope and headers in bytes, or
	// zero if unknown.
	MaxMessage() int64
}

// Failed stores deliveries with a valid signature that cannot become an event, and returns once
// the delivery is stored.
type Failed interface {
	Keep(ctx context.Context, d Delivery) error
}

// Delivery is a delivery that could not become an event, with the reason.
type Delivery struct {
	Source  string // name of the sender in the configuration
	ID      string // id of the delivery, or ""
	Header  http.Header
	Body    []byte
	Pointer string // into the mapped event, if the event is invalid
	Rule    string // the broken rule
	Problem string // the problem, without values of the payload
	At      time.Time
}

// Config configures the endpoint.
type Config struct {
	Clients   []Client      // clients that may post events; none: everybody, on loopback only
	Rate      float64       // requests per second of one client, with bursts of the same size; zero: no limit
	MaxBody   int64         // maximum size of a body in bytes
	StoreTime time.Duration // time limit for storing the events of a request

	// Origins are the origins that may ask for permission to deliver by web hook; "*" is any.
	// Without origins, permission requests get no answer.
	Origins []string
	// Callbacks are the hosts that may receive a permission by https, if the sender asks for a
	// callback. None by default: a callback is a request that a stranger makes Usher send.
	Callbacks []string

	Webhooks map[string]Webhook // by the name in the path
}

// Deps are the dependencies of the endpoint.
type Deps struct {
	Stream   Stream
	Failed   Failed
	Validate func(events.Event) error // against the schema of the type
	Schema   func(typ string) ([]byte, error)
	Ready    func() Readiness // for /readyz
	Client   *http.Client     // for callbacks; may be nil without Callbacks
	Metrics  http.Handler     // handler of /metrics; may be nil
	Console  http.Handler     // handler of /console and below; may be nil
	Answered func(route string, status int)
	Tracer   trace.Tracer // for spans of requests and events; nil: no spans, and no trace context for events
	Log      zerolog.Logger
}

// Readiness reports whether the process can work, with details by part.
type Readiness struct {
	Ready bool              `json:"ready"`
	Parts map[string]string `json:"parts"` // "ok", or the problem
}

// endpoint is the HTTP handler of Usher.
type endpoint struct {
	config Config
	deps   Deps
	limits *caller.Limits
}

// New returns the handler of /events, /webhooks/{source}, /schemas/{type}, /healthz and
// /readyz.
func New(c Config, d Deps) http.Handler {
	return &endpoint{config: c, deps: d, limits: caller.NewLimits(rate.Limit(c.Rate), int(c.Rate))}
}

// ServeHTTP finds the route by the exact path. There are no redirects: a sender may count a
// redirect as success, or lose the body.
func (p *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.deps.Answered != nil {
		noted := &noted{ResponseWriter: w, status: http.StatusOK}
		defer func() { p.deps.Answered(routeOf(r.URL.Path), noted.status) }()
		w = noted
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	path := r.URL.Path
	name, isWebhook := strings.CutPrefix(path, "/webhooks/")
	typ, isSchema := strings.CutPrefix(path, "/schemas/")
	switch {
	case path == "/events":
		p.methods(w, r, map[string]http.HandlerFunc{http.MethodPost: p.postEvents, http.MethodOptions: p.consent})
	case isWebhook && p.config.Webhooks[name].known():
		p.methods(w, r, map[string]http.HandlerFunc{http.MethodPost: func(w http.ResponseWriter, r *http.Request) {
			p.postWebhook(w, r, name)
		}})
	case isSchema:
		p.methods(w, r, map[string]http.HandlerFunc{http.MethodGet: func(w http.ResponseWriter, _ *http.Request) { p.schema(w, typ) }})
	case path == "/healthz":
		p.methods(w, r, map[string]http.HandlerFunc{http.MethodGet: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) }})
	case path == "/metrics" && p.deps.Metrics != nil:
		p.methods(w, r, map[string]http.HandlerFunc{http.MethodGet: p.deps.Metrics.ServeHTTP})
	case routeOf(path) == "/console" && p.deps.Console != nil:
		p.deps.Console.ServeHTTP(w, r)
	case path == "/readyz":
		p.methods(w, r, map[string]http.HandlerFunc{http.MethodGet: p.ready})
	default:
		p.refuse(w, r, problem{Status: http.StatusNotFound, Detail: "there is nothing here; post events to /events, and signed deliveries to /webhooks/{source}"})
	}
}

// noted is a ResponseWriter with the status of the response.
type noted struct {
	http.ResponseWriter
	status int
}

// WriteHeader keeps the status.
func (n *noted) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

// Unwrap returns the ResponseWriter, for http.ResponseController.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// routeOf returns the route of a path for metrics, one of a few names.
func routeOf(path string) string {
	if path == "/events" || path == "/console" {
		return path
	}
	for _, route := range []string{"/webhooks/", "/schemas/", "/console/"} {
		if strings.HasPrefix(path, route) {
			return strings.TrimSuffix(route, "/")
		}
	}
	return "other"
}

// methods calls the handler of the method, or answers 405.
func (p *endpoint) methods(w http.ResponseWriter, r *http.Request, by map[string]http.HandlerFunc) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if handle, ok := by[method]; ok {
		handle(w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(allowed(by), ", "))
	p.refuse(w, r, problem{Status: http.StatusMethodNotAllowed, Detail: "the header Allow lists the methods"})
}

func (p *endpoint) schema(w http.ResponseWriter, typ string) {
	text, err := p.deps.Schema(typ)
	if err != nil {
		p.answer(w, problem{Status: http.StatusNotFound, Detail: "there is no schema of that name; the types are " + strings.Join(events.Types(), ", ")})
		return
	}
	w.Header().Set("Content-Type", "application/schema+json")
	_, _ = w.Write(text)
}

func (p *endpoint) ready(w http.ResponseWriter, _ *http.Request) {
	r := p.deps.Ready()
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, "application/json", status, r)
}
