package telemetry

import (
	"context"
	"net"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
)

// Attributes without a semantic convention.
const (
	AttrVendor  = attribute.Key("usher.vendor")
	AttrKey     = attribute.Key("usher.event_key")
	AttrAttempt = attribute.Key("usher.attempt")
	AttrReplay  = attribute.Key("usher.replay")
	AttrOutcome = attribute.Key("usher.outcome")
	AttrOp      = attribute.Key("usher.op")
)

// Call is a finished vendor call.
type Call struct {
	Vendor string
	Op     string // the operation, such as "create user"
	Method string
	Host   string // with the port, if any
	Status int    // HTTP status; 0 without a response
	Class  string // class of the failure, or "ok"
	Begun  time.Time
	Took   time.Duration
}

// Call adds the span of a call below the span in ctx, if that span is sampled. The span has no
// path, because paths of vendors contain user ids.
func (t *Traces) Call(ctx context.Context, c Call) {
	if t == nil || !trace.SpanFromContext(ctx).IsRecording() {
		return
	}
	_, span := t.tracer.Start(ctx, c.Method+" "+c.Op, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(c.Begun),
		trace.WithAttributes(AttrVendor.String(c.Vendor), AttrOp.String(c.Op), semconv.HTTPRequestMethodKey.String(c.Method)))
	host, port, err := net.SplitHostPort(c.Host)
	if err != nil {
		host = c.Host
	}
	span.SetAttributes(semconv.ServerAddress(host))
	if n, err := strconv.Atoi(port); err == nil {
		span.SetAttributes(semconv.ServerPort(n))
	}
	if c.Status != 0 {
		span.SetAttributes(semconv.HTTPResponseStatusCode(c.Status))
	}
	if c.Class != "ok" {
		what := c.Class
		if c.Status >= 400 {
			what = strconv.Itoa(c.Status)
		}
		Fail(span, what)
	}
	span.End(trace.WithTimestamp(c.Begun.Add(c.Took)))
}

// Fail marks a span as failed. reason is a class or a status, never a text of a vendor or of an
// event.
func Fail(span trace.Span, reason string) {
	span.SetAttributes(semconv.ErrorTypeKey.String(reason))
	span.SetStatus(codes.Error, reason)
}

// About returns the attributes of an event and of its NATS subject, without the data, and
// without the event's subject, which may be a user.
func About(e events.Event, subject string) []attribute.KeyValue {
	all := []attribute.KeyValue{semconv.MessagingSystemKey.String("nats"), semconv.MessagingDestinationName(subject)}
	if e.Context == nil {
		return all // an unreadable event
	}
	return append(all, semconv.CloudEventsEventID(e.ID()), semconv.CloudEventsEventSource(e.Source()),
		semconv.CloudEventsEventType(e.Type()), semconv.CloudEventsEventSpecVersion(e.SpecVersion()))
}

// Sending returns the options of a span for publishing an event on a subject.
func Sending(e events.Event, subject string) []trace.SpanStartOption {
	return []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(About(e, subject)...),
		trace.WithAttributes(semconv.MessagingOperationTypeSend, semconv.MessagingOperationName("send")),
	}
}
