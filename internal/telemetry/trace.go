package telemetry

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// TracesConfig says where spans are sent.
type TracesConfig struct {
	Endpoint string            // base URL of a collector that takes OTLP over HTTP, as in http://localhost:4318; empty: no traces
	Headers  map[string]string // sent along, such as credentials; may be nil
	Ratio    float64           // of the traces that begin here, from 0 to 1; one that began elsewhere is sampled as it was there
	Version  string            // of usher
	Log      zerolog.Logger
}

// Traces makes spans and sends them to a collector in the background. Spans wait
// in a bounded queue; while the collector is down or slow they are dropped, and
// nobody waits for it. A nil Traces makes none.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	exporter *exporter
	idle     func() // closes the connections to the collector
}

// The limits of what is sent.
const (
	sendTimeout = 10 * time.Second // of one request to the collector
	lossEvery   = time.Minute      // between two lines in the log about lost spans
)

// NewTraces returns Traces, nil where there is no endpoint. It does not ask
// whether the collector is there. The caller closes it.
func NewTraces(c TracesConfig) (*Traces, error) {
	if c.Endpoint == "" {
		return nil, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	options := []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(strings.TrimRight(c.Endpoint, "/") + "/v1/traces"),
		// A client of our own: a redirect would carry the headers elsewhere.
		otlptracehttp.WithHTTPClient(&http.Client{
			Transport: transport, Timeout: sendTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	}
	if len(c.Headers) > 0 {
		options = append(options, otlptracehttp.WithHeaders(c.Headers))
	}
	out, err := otlptrace.New(context.Background(), otlptracehttp.NewClient(options...))
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	sender := &exporter{SpanExporter: out, log: c.Log}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(sender),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.Ratio))),
		sdktrace.WithIDGenerator(identities{}),
		sdktrace.WithResource(resource.NewSchemaless(
			semconv.ServiceName("usher"), semconv.ServiceVersion(c.Version), semconv.ServiceInstanceID(rand.Text()),
		)),
	)
	const scope = "github.com/usherhq/usher"
	return &Traces{provider: provider, tracer: provider.Tracer(scope), exporter: sender, idle: transport.CloseIdleConnections}, nil
}

// Tracer starts spans; it is nil where there are none.
func (t *Traces) Tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.tracer
}

// Close sends what is still queued, for as long as limit, and ends.
func (t *Traces) Close(limit time.Duration) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.exporter.lost(0, err)
	}
	_ = t.exporter.Shutdown(ctx) // ends a request that is still on its way
	t.idle()
}
