package ingest

import (
	"context"
	"net/http"
	"strconv"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/telemetry"
)

// requestSpans holds the span of a request and the spans of those events that came without a
// trace context. A nil requestSpans has no spans.
type requestSpans struct {
	answer *statusRecorder
	server trace.Span
	sent   []trace.Span
}

// traced starts the spans of a request received at begun, and returns the writer for the answer.
// Only requests with valid events have spans, so strangers cannot create any. The parent of the
// request's span is the trace context of a single event, else the header traceparent. Without
// either, a single event begins the trace of the request, and each event of a batch begins a
// separate trace.
func (p *endpoint) traced(w http.ResponseWriter, r *http.Request, begun time.Time, list []events.Event) (http.ResponseWriter, *requestSpans) {
	if p.deps.Tracer == nil {
		return w, nil
	}
	ctx, one := telemetry.FollowHeader(r.Context(), r.Header)
	if len(list) == 1 {
		ctx = telemetry.Follow(r.Context(), list[0], r.Header, keyOf(list[0]))
		one = true
	}
	route := routeOf(r.URL.Path)
	ctx, server := p.deps.Tracer.Start(ctx, r.Method+" "+route, trace.WithTimestamp(begun), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(semconv.HTTPRequestMethodKey.String(r.Method), semconv.HTTPRoute(route), semconv.MessagingBatchMessageCount(len(list))))
	v := &requestSpans{answer: &statusRecorder{ResponseWriter: w, status: http.StatusOK}, server: server}
	if !one {
		ctx = r.Context()
	}
	for i := range list {
		if p.hasRoom(list[i]) {
			v.add(ctx, p.deps.Tracer, &list[i])
		}
	}
	return v.answer, v
}

// hasRoom reports whether an event may grow by a trace context without exceeding the limits.
func (p *endpoint) hasRoom(e events.Event) bool {
	const most = 4 << 10 // for attributes and a trace context
	limit := int64(events.MaxSize)
	if taken := p.deps.Stream.MaxMessage(); taken > 0 {
		limit = min(limit, taken)
	}
	return int64(len(e.DataEncoded))*4/3+most <= limit // base64 is the largest encoding
}

// add gives an event a trace context. A trace context from the producer stays: the trace begins
// there.
func (v *requestSpans) add(ctx context.Context, tracer trace.Tracer, e *events.Event) {
	if events.Extension(*e, "traceparent") != "" {
		return
	}
	options := telemetry.Sending(*e, e.Type())
	if !trace.SpanContextFromContext(ctx).IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: v.server.SpanContext()}))
	}
	span := telemetry.Begin(ctx, tracer, keyOf(*e), "send "+e.Type(), options...)
	telemetry.Carry(span, e)
	v.sent = append(v.sent, span)
}

// end ends the spans after the answer.
func (v *requestSpans) end() {
	if v == nil {
		return
	}
	status := v.answer.status
	failed := status >= http.StatusBadRequest
	for _, span := range v.sent {
		if failed {
			telemetry.Fail(span, "unstored")
		}
		span.End()
	}
	v.server.SetAttributes(semconv.HTTPResponseStatusCode(status))
	if status >= http.StatusInternalServerError {
		telemetry.Fail(v.server, strconv.Itoa(status))
	}
	v.server.End()
}

func keyOf(e events.Event) string { return events.Key(e.Source(), e.ID()) }
