package telemetry

import (
	"context"
	"crypto/rand"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
)

// Follow returns a context under which a span belongs to the trace of e: beneath
// the span that e's traceparent extension names; without one, that of a header
// traceparent; without either, in the trace that has e's key for its id. So all
// that is ever done about an event is in one trace, in whichever process.
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

// FollowHeader returns a context under which a span is beneath the one that a
// header traceparent names, and whether there is such a header.
func FollowHeader(ctx context.Context, header map[string][]string) (context.Context, bool) {
	parent := read(headers(header))
	if !parent.IsValid() {
		return ctx, false
	}
	return trace.ContextWithRemoteSpanContext(ctx, parent), true
}

// Begin starts the span that stands for the event with this key, which is to be
// the parent of all that is done about it. Its id depends on the key alone, and
// so does that of its trace where ctx holds no span: an event that is taken in
// twice carries the same trace context both times, and its results stay the same.
func Begin(ctx context.Context, tracer trace.Tracer, key, name string, options ...trace.SpanStartOption) trace.Span {
	one := identity{}
	if id, err := trace.TraceIDFromHex(key); err == nil {
		one.trace = id
		copy(one.span[:], id[:])
	}
	_, span := tracer.Start(context.WithValue(ctx, identityKey{}, one), name, options...)
	return span
}

// Carry sets the trace context of e, as the CloudEvents extension for distributed
// tracing has it, to that of span.
func Carry(span trace.Span, e *events.Event) {
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), span), extensions{e})
}

// TraceParent is the context of a span as traceparent has it.
func TraceParent(span trace.Span) string {
	out := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), span), out)
	return out[traceParent]
}

// TraceID returns the id of the trace that a traceparent names, "" where it names none.
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

// extensions carries a trace context in the extensions of an event.
type extensions struct{ e *events.Event }

func (x extensions) Get(name string) string { return events.Extension(*x.e, name) }
func (x extensions) Set(name, value string) { x.e.SetExtension(name, value) }
func (x extensions) Keys() []string         { return nil }

// headers carries a trace context in headers, whose names count in any case.
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

// identity is the ids that a new span is to have; a zero one is drawn by lot.
type identity struct {
	trace trace.TraceID
	span  trace.SpanID
}

type identityKey struct{}

// identities gives new spans the ids that their context asks for.
type identities struct{}

// NewIDs returns the ids of a trace and of its first span.
func (identities) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	wanted, _ := ctx.Value(identityKey{}).(identity)
	for !wanted.trace.IsValid() {
		_, _ = rand.Read(wanted.trace[:])
	}
	return wanted.trace, wanted.draw()
}

// NewSpanID returns the id of a span within a trace.
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
