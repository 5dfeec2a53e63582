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

// Attributes that are our own.
const (
	AttrVendor  = attribute.Key("usher.vendor")
	AttrKey     = attribute.Key("usher.event_key")
	AttrAttempt = attribute.Key("usher.attempt")
	AttrReplay  = attribute.Key("usher.replay")
	AttrOutcome = attribute.Key("usher.outcome")
	AttrOp      = attribute.Key("usher.op")
)

// Call is a call to a vendor that has ended.
type Call struct {
	Vendor string
	Op     string // what it does, such as "create user"
	Method string
	Host   string // with its port, where it has one
	Status int    // of HTTP; 0 where no answer came
	Class  string // of the failure, "ok" where there was none
	Begun  time.Time
	Took   time.Duration
}

// Call adds the span of a call beneath that of ctx, if that one is sampled. The
// span has no path: vendors' paths hold ids of users.
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

// Fail marks a span as failed: what is a class or a status, never words of a
// vendor or of an event.
func Fail(span trace.Span, what string) {
	span.SetAttributes(semconv.ErrorTypeKey.String(what))
	span.SetStatus(codes.Error, what)
}

// About are the attributes of an event and of the subject that it is on. They hold
// nothing of its data, and no subject of its own, which may be a user.
func About(e events.Event, subject string) []attribute.KeyValue {
	all := []attribute.KeyValue{semconv.MessagingSystemKey.String("nats"), semconv.MessagingDestinationName(subject)}
	if e.Context == nil {
		return all // it could not be read
	}
	return append(all, semconv.CloudEventsEventID(e.ID()), semconv.CloudEventsEventSource(e.Source()),
		semconv.CloudEventsEventType(e.Type()), semconv.CloudEventsEventSpecVersion(e.SpecVersion()))
}

// Sending are the options of a span for an event that is published on a subject.
func Sending(e events.Event, subject string) []trace.SpanStartOption {
	return []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(About(e, subject)...),
		trace.WithAttributes(semconv.MessagingOperationTypeSend, semconv.MessagingOperationName("send")),
	}
}
