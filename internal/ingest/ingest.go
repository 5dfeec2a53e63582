// Package ingest accepts events over HTTP: CloudEvents, one by one or in batches (POST /events),
// and signed web hooks (POST /webhooks/{source}). An answer of 202 means that the events are
// stored in EVENTS. The package does not act on events.
package ingest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/clientlimit"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/internal/streams"
)

// Stream stores events.
type Stream interface {
	// StoreFrom returns once all events are stored. A stored duplicate counts as stored. After
	// an error some events may be stored; storing all of them again is safe.
	StoreFrom(ctx context.Context, from events.Channel, list []events.Event) error
	// MaxMessage returns the most bytes of one event with envelope and headers; zero if
	// the limit is not known now.
	MaxMessage() int64
	// Room returns the bytes left in the stream and its limit, as of some seconds ago and at once; a
	// limit of zero is none, or not known now.
	Room() (left, limit int64)
}

// Failed stores correctly signed deliveries that cannot become events. Keep returns once the
// delivery is stored. KeepRoom is Stream.Room of the stream with the deliveries.
type Failed interface {
	Keep(ctx context.Context, d Delivery) error
	KeepRoom() (left, limit int64)
}

// Delivery is a web hook delivery that was rejected, as a whole or in part, and the reason.
type Delivery struct {
	Source  string // name of the sender in the configuration
	ID      string // id of the delivery; empty if the sender gives none
	Header  http.Header
	Body    []byte
	Pointer string // to the faulty member of the mapped event; empty if mapping failed
	Rule    string // the broken rule
	Problem string // for people; contains no value of the payload
	// Places are the events that were rejected, by mapping.Outcome.Place, if other events of the
	// delivery are stored.
	Places []string
	At     time.Time
}

// Config holds the senders and limits of the endpoint.
type Config struct {
	Clients   []Client            // senders to /events; none: any local sender
	Rate      float64             // requests per second and client, and size of a burst; zero: no limit
	MaxBody   int64               // bytes of a request's body
	Proxies   clientlimit.Proxies // whose X-Forwarded-For counts
	StoreTime time.Duration       // timeout of storing the events of a request

	// Origins may ask for permission to deliver by web hook; "*" allows any origin. If
	// empty, the endpoint answers OPTIONS without permissions.
	Origins []string
	// Callbacks are the hosts to which permissions may be posted over https. Empty by
	// default: a callback lets a stranger choose the target of a request.
	Callbacks []string

	Webhooks map[string]Webhook // by the name in the path
	Foreign  []*mapping.Foreign // mappings of CloudEvents of other systems
	Reader   events.Reader      // of requests to /events
}

// Deps holds the dependencies of the endpoint.
type Deps struct {
	Stream   Stream
	Failed   Failed
	Validate func(events.Event) error    // against the schema of its type
	Warn     func(events.Event) []string // about members that no schema has; nil: no warnings
	Schema   func(typ string) ([]byte, error)
	Ready    func() Readiness // for /readyz
	Client   *http.Client     // for callbacks; nil: permissions are sent in the answer only
	Metrics  http.Handler     // answers /metrics; may be nil
	Console  http.Handler     // answers /console and all paths below; may be nil
	Answered func(route string, status int)
	// Delivered is called with the result of each delivery of a sender; nil: no call.
	Delivered func(sender, result string)
	Reused    func(sender string, events int) // counts events answered with 409; may be nil
	Tracer    trace.Tracer                    // for spans of requests and events; nil: no spans, and no trace contexts for events
	Log       zerolog.Logger
}

// Readiness is the answer of /readyz.
type Readiness struct {
	Ready bool              `json:"ready"`
	Parts map[string]string `json:"parts"` // "ok" or the problem, by part of the process
}

// unsignedFactor is how many more deliveries one address may send than one sender: a proxy that is
// not trusted, or a provider, may have many senders.
const unsignedFactor = 10

// endpoint is the HTTP server side of Usher.
type endpoint struct {
	config Config
	deps   Deps

	limits    *clientlimit.Limits // of known clients and verified deliveries
	strangers *clientlimit.Limits // of requests without a known token, by address
	unsigned  *clientlimit.Limits // of deliveries before the signature is verified, by address

	quotas quotas
	// reserve and deadReserve are the last room of the streams of events and of dead letters.
	reserve, deadReserve *streams.Reserve

	unproven, proven *budget      // of bodies before and after the proof of the sender
	decoding         bounded.Room // for large bodies
}

// New returns the handler of /events, /webhooks/{source}, /schemas/{type},
// /healthz and /readyz.
func New(c Config, d Deps) http.Handler {
	largest := c.MaxBody
	for _, hook := range c.Webhooks {
		largest = max(largest, hook.MaxBody)
	}
	return &endpoint{
		config: c, deps: d,
		limits:    clientlimit.NewLimits(rate.Limit(c.Rate), int(c.Rate)),
		strangers: clientlimit.NewLimits(rate.Limit(c.Rate), int(c.Rate)),
		unsigned:  clientlimit.NewLimits(rate.Limit(unsignedFactor*c.Rate), int(unsignedFactor*c.Rate)),
		unproven:  newBudget(unprovenBytes, unprovenShare, largest), proven: newBudget(provenBytes, provenShare, largest),
		decoding: bounded.NewRoom(decodeRoom), quotas: newQuotas(c.Clients),
		reserve: streams.NewReserve(len(c.Clients) + len(c.Webhooks)), deadReserve: streams.NewReserve(len(c.Webhooks) + 1), // 1: the workers
	}
}

// ServeHTTP routes by the exact path. Redirects are never sent: a sender of events would take a
// redirect for success, or repeat the request without the body.
func (p *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.deps.Answered != nil {
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		defer func() { p.deps.Answered(routeOf(r.URL.Path), recorder.status) }()
		w = recorder
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	path := r.URL.Path
	name, isWebhook := strings.CutPrefix(path, "/webhooks/")
	typ, isSchema := strings.CutPrefix(path, "/schemas/")
	switch {
	case path == "/events":
		p.methods(w, r, map[string]http.HandlerFunc{http.MethodPost: p.postEvents, http.MethodOptions: p.consent})
	case isWebhook && p.config.Webhooks[name].known():
		p.methods(w, r, p.webhookMethods(name))
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
		p.refuse(w, r, problem{Status: http.StatusNotFound, Detail: "no such path; post events to /events, signed deliveries to /webhooks/{source}"})
	}
}

// statusRecorder records the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader records and writes the status.
func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap returns the wrapped writer for http.ResponseController.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// routeOf returns the metrics label of a path, one of five.
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
	p.refuse(w, r, problem{Status: http.StatusMethodNotAllowed, Detail: "method not supported; use one of the header Allow"})
}

func (p *endpoint) schema(w http.ResponseWriter, typ string) {
	text, err := p.deps.Schema(typ)
	if err != nil {
		p.answer(w, problem{Status: http.StatusNotFound, Detail: "no schema of this name; the types are " + strings.Join(events.Types(), ", ")})
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
