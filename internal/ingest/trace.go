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

// visit has the spans of a request with events: one span for the request, and one for each
// event without a trace context, which then carries the context of that span. A nil visit has
// no spans.
type visit struct {
	answer *noted
	server trace.Span
	sent   []trace.Span
}

// traced starts the spans of a request received at begun. Only requests with events to store
// have spans, so strangers create none. The parent of the request span is the span in the only
// event, or else in the header traceparent; without either, the request span starts the trace
// of the only event. The events of a batch without a header start a trace each. Write the
// response to the returned ResponseWriter.
func (p *endpoint) traced(w http.ResponseWriter, r *http.Request, begun time.Time, list []events.Event) (http.ResponseWriter, *visit) {
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
	v := &visit{answer: &noted{ResponseWriter: w, status: http.StatusOK}, server: server}
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

// hasRoom reports whether an event has room for a trace context, so that no event is rejected
// because of tracing.
func (p *endpoint) hasRoom(e events.Event) bool {
	const most = 4 << 10 // bytes of the attributes and a trace context
	limit := int64(events.MaxSize)
	if taken := p.deps.Stream.MaxMessage(); taken > 0 {
		limit = min(limit, taken)
	}
	return int64(len(e.DataEncoded))*4/3+most <= limit // base64 in the worst case
}

// add gives an event a trace context. A trace context of the producer is kept.
func (v *visit) add(ctx context.Context, tracer trace.Tracer, e *events.Event) {
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

// end ends the spans of an answered request.
func (v *visit) end() {
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
