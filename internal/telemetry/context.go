package telemetry

import (
	"context"
	"crypto/rand"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
)

// Follow returns a context for spans in the trace of e: below the span in e's extension
// traceparent, or else in the header traceparent, or else in the trace with the event key as
// id. All spans of an event are therefore in one trace, in every process.
func Follow(ctx context.Context, e events.Event, header map[string][]string, key string) context.Context {
	for _, from := range []propagation.TextMapCarrier{extensions{&e}, headers(header)} {
		if parent := read(from); parent.IsValid() {
			return trace.ContextWithRemoteSpanContext(ctx, parent)
		}
	}
	id, err := trace.TraceIDFromHex(key)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, identityKey{}, identity{trace: id})
}

// FollowHeader returns a context for spans below the span in the header traceparent, and
// whether there is such a header.
func FollowHeader(ctx context.Context, header map[string][]string) (context.Context, bool) {
	parent := read(headers(header))
	if !parent.IsValid() {
		return ctx, false
	}
	return trace.ContextWithRemoteSpanContext(ctx, parent), true
}

// Begin starts the root span of the event with this key. The span id depends only on the key,
// and so does the trace id if ctx has no span: an event accepted twice carries the same trace
// context, and results stay identical.
func Begin(ctx context.Context, tracer trace.Tracer, key, name string, options ...trace.SpanStartOption) trace.Span {
	one := identity{}
	if id, err := trace.TraceIDFromHex(key); err == nil {
		one.trace = id
		copy(one.span[:], id[:])
	}
	_, span := tracer.Start(context.WithValue(ctx, identityKey{}, one), name, options...)
	return span
}

// Carry sets the trace context of e, in the CloudEvents extension for distributed tracing, to
// the context of span.
func Carry(span trace.Span, e *events.Event) {
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), span), extensions{e})
}

// TraceParent returns the context of a span in the form of traceparent.
func TraceParent(span trace.Span) string {
	out := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), span), out)
	return out[traceParent]
}

// TraceID returns the trace id in a traceparent, or "".
func TraceID(traceparent string) string {
	if traceparent == "" {
		return ""
	}
	parent := read(propagation.MapCarrier{traceParent: traceparent})
	if !parent.IsValid() {
		return ""
	}
	return parent.TraceID().String()
}

const traceParent = "traceparent"

func read(from propagation.TextMapCarrier) trace.SpanContext {
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), from))
}

// extensions reads and writes a trace context in the extensions of an event.
type extensions struct{ e *events.Event }

func (x extensions) Get(name string) string { return events.Extension(*x.e, name) }
func (x extensions) Set(name, value string) { x.e.SetExtension(name, value) }
func (x extensions) Keys() []string         { return nil }

// headers reads and writes a trace context in headers; names match in any case.
type headers map[string][]string

func (h headers) Get(name string) string {
	for each, values := range h {
		if len(values) == 1 && strings.EqualFold(each, name) {
			return values[0]
		}
	}
	return ""
}
func (h headers) Set(name, value string) { h[name] = []string{value} }
func (h headers) Keys() []string         { return nil }

// identity has the ids for a new span. A zero id is replaced by a random id.
type identity struct {
	trace trace.TraceID
	span  trace.SpanID
}

type identityKey struct{}

// identities generates the ids of new spans, from the identity in the context.
type identities struct{}

// NewIDs returns the ids of a trace and of the first span.
func (identities) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	wanted, _ := ctx.Value(identityKey{}).(identity)
	for !wanted.trace.IsValid() {
		_, _ = rand.Read(wanted.trace[:])
	}
	return wanted.trace, wanted.draw()
}

// NewSpanID returns the id of a span inside a trace.
func (identities) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	wanted, _ := ctx.Value(identityKey{}).(identity)
	return wanted.draw()
}

func (i identity) draw() trace.SpanID {
	for !i.span.IsValid() {
		_, _ = rand.Read(i.span[:])
	}
	return i.span
}
