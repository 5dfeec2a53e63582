// Package ingest takes events in over HTTP: CloudEvents posted one by one or in
// batches (POST /events), and signed webhooks of other senders (POST
// /webhooks/{source}). What it answers for with 202 is stored in the stream of
// events; it decides nothing about what an event asks for.
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
	"github.com/usherhq/usher/internal/clientlimit"
)

// Stream stores events.
type Stream interface {
	// Store stores the events and returns once all are stored. An event that is
	// stored already counts as stored. After an error some may be stored: to store
	// all of them again does no harm.
	Store(ctx context.Context, list []events.Event) error
	// MaxMessage is the most bytes that one event may have, envelope and headers
	// included; zero where it is not known now.
	MaxMessage() int64
}

// Failed keeps a delivery whose signature is right and that cannot be made into
// an event; it returns once the delivery is stored.
type Failed interface {
	Keep(ctx context.Context, d Delivery) error
}

// Delivery is a webhook delivery that could not be taken, and why.
type Delivery struct {
	Source  string // the sender's name in the configuration
	ID      string // the delivery's own; empty where it has none
	Header  http.Header
	Body    []byte
	Pointer string // into the event that it became, where that is at fault
	Rule    string // that is broken
	Problem string // in words, without any value of the payload
	At      time.Time
}

// Config says who may send what.
type Config struct {
	Clients   []Client      // who may post events; none: anybody, on loopback
	Rate      float64       // requests a second of one client, with as many at once in a burst; zero: no limit
	MaxBody   int64         // bytes of a request's body
	StoreTime time.Duration // the longest that storing may take

	// Origins are the names that may ask for permission to deliver by web hook;
	// "*" is any. None: the endpoint answers no such question.
	Origins []string
	// Callbacks are the hosts that permission may be sent to over https, where a
	// sender wants it so. None by default: a callback is a request that a stranger
	// makes us send.
	Callbacks []string

	Webhooks map[string]Webhook // by the name in the path
}

// Deps is what the endpoint works with.
type Deps struct {
	Stream   Stream
	Failed   Failed
	Validate func(events.Event) error // against the schema of its type
	Schema   func(typ string) ([]byte, error)
	Ready    func() Readiness // for /readyz
	Client   *http.Client     // for callbacks; may be nil where there are none
	Metrics  http.Handler     // answers /metrics; may be nil
	Console  http.Handler     // answers /console and all below it; may be nil
	Answered func(route string, status int)
	Tracer   trace.Tracer // of spans for requests and their events; nil: none, and no event is given a trace context
	Log      zerolog.Logger
}

// Readiness is whether the process can do its work, part by part.
type Readiness struct {
	Ready bool              `json:"ready"`
	Parts map[string]string `json:"parts"` // "ok", or what is wrong
}

// endpoint is the HTTP side of usher.
type endpoint struct {
	config Config
	deps   Deps
	limits *clientlimit.Limits
}

// New returns the endpoint: /events, /webhooks/{source}, /schemas/{type},
// /healthz and /readyz.
func New(c Config, d Deps) http.Handler {
	return &endpoint{config: c, deps: d, limits: clientlimit.NewLimits(rate.Limit(c.Rate), int(c.Rate))}
}

// ServeHTTP finds the route by the exact path. It never redirects: a sender of
// events would take a redirect for success, or lose the body on the way.
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
		p.refuse(w, r, problem{Status: http.StatusNotFound, Detail: "there is nothing here; events go to /events, signed deliveries to /webhooks/{source}"})
	}
}

// noted is an answer whose status is noted.
type noted struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (n *noted) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// routeOf is the route of a path, as metrics have it: one of a few.
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

// methods calls the handler of the request's method, or answers 405.
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
	p.refuse(w, r, problem{Status: http.StatusMethodNotAllowed, Detail: "the header Allow says which methods there are"})
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
