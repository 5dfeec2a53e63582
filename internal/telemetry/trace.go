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

// TracesConfig configures the export of spans.
type TracesConfig struct {
	Endpoint string            // base URL of a collector for OTLP over HTTP, such as http://localhost:4318; "": no traces
	Headers  map[string]string // for the collector, such as credentials; may be nil
	Ratio    float64           // share of traces that begin here, from 0 to 1; other traces keep the producer's decision
	Version  string            // of usher
	Log      zerolog.Logger
}

// Traces creates spans and exports them to a collector in the background. Spans wait in a
// bounded queue, and are dropped while the collector is down or slow; callers never wait. A nil
// Traces creates no spans.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	exporter *exporter
	idle     func() // closes the connections to the collector
}

// The limits of the export.
const (
	sendTimeout = 10 * time.Second // time limit of one request to the collector
	lossEvery   = time.Minute      // between two log lines about lost spans
)

// NewTraces returns Traces, or nil without an endpoint. The collector is not contacted. The
// caller must call Close.
func NewTraces(c TracesConfig) (*Traces, error) {
	if c.Endpoint == "" {
		return nil, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	options := []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(strings.TrimRight(c.Endpoint, "/") + "/v1/traces"),
		// Redirects are off: a redirect would send the headers to another server.
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

// Tracer returns the tracer, or nil for nil Traces.
func (t *Traces) Tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.tracer
}

// Close exports the queued spans, for at most limit, and stops.
func (t *Traces) Close(limit time.Duration) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.exporter.lost(0, err)
	}
	_ = t.exporter.Shutdown(ctx) // ends a request in flight
	t.idle()
}
