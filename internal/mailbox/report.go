package mailbox

import (
	"context"
	"time"

	"github.com/rs/zerolog"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/telemetry"
)

// reporter reports attempts: by spans, log lines and observations.
type reporter struct {
	*parts
	span trace.Span // of the last attempt, until the result is published; nil without traces
}

// startSpan starts the span of an attempt, in the trace of the event. The calls of the vendor and
// the result are child spans. The wait for a slot comes before the span.
func (r *reporter) startSpan(ctx context.Context, event *Event, began time.Time) {
	if r.deps.Tracer == nil {
		return
	}
	subject := event.Message.Subject
	_, r.span = r.deps.Tracer.Start(telemetry.Follow(ctx, event.Event, event.Message.Header, event.Key), "process "+subject,
		trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(telemetry.About(event.Event, subject)...),
		trace.WithAttributes(
			semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName("process"),
			telemetry.AttrVendor.String(r.vendor.Name), telemetry.AttrKey.String(event.Key),
		))
}

// endSpan ends the span of the last attempt.
func (r *reporter) endSpan() {
	if r.span != nil {
		r.span.End()
		r.span = nil
	}
}

// within returns a context in which further spans are children of the attempt.
func (r *reporter) within(ctx context.Context) context.Context {
	if r.span == nil {
		return ctx
	}
	return trace.ContextWithSpan(ctx, r.span)
}

// traceparent names the span of the attempt, or else the span in the event.
func (r *reporter) traceparent(event *Event) string {
	if r.span != nil {
		return telemetry.TraceParent(r.span)
	}
	return events.Extension(event.Event, "traceparent")
}

// traceID returns the id of the trace of the event; empty without a trace.
func (r *reporter) traceID(event *Event) string {
	if r.span != nil {
		return r.span.SpanContext().TraceID().String()
	}
	return telemetry.TraceID(events.Extension(event.Event, "traceparent"))
}

// report counts and logs the end of an attempt, or of an effect without an attempt. due is
// the time of the next attempt if the outcome has no kind.
func (r *reporter) report(event *Event, e *record.Effect, o record.Outcome, due time.Time) {
	r.describe(e, o)
	took := time.Duration(o.TookMS) * time.Millisecond
	if r.deps.Observe != nil {
		r.deps.Observe(Observation{
			Vendor: r.vendor.Name, Type: event.Type, Key: event.Key, Outcome: o.Kind, Class: o.Class, Took: took, Age: event.age(),
		})
	}
	level := zerolog.InfoLevel
	switch o.Kind {
	case events.Failed:
		level = zerolog.ErrorLevel
	case "":
		level = zerolog.WarnLevel
	}
	line := r.deps.Log.WithLevel(level).Str("vendor", r.vendor.Name).Str("type", event.Type).Str("event", event.ID()).Str("key", event.Key).
		Int("attempts", e.Attempts).Int64("took_ms", o.TookMS)
	if id := r.traceID(event); id != "" {
		line.Str("trace_id", id)
	}
	if o.Class != "" {
		line.Str("class", o.Class).Str("error", logged(o))
	}
	if o.Status != 0 {
		line.Int("status", o.Status)
	}
	if o.Kind == "" {
		line.Time("due", due).Msg("waiting")
		return
	}
	line.Str("outcome", o.Kind).Msg("effect ended")
}

// logged returns the message of an outcome for the log, without the names of users.
func logged(o record.Outcome) string {
	if o.Class == ClassConflict {
		return "another user holds the account"
	}
	return o.Message
}

// describe adds the outcome to the span of the attempt.
func (r *reporter) describe(e *record.Effect, o record.Outcome) {
	if r.span == nil || !r.span.IsRecording() {
		return
	}
	kind := o.Kind
	if kind == "" {
		kind = "waiting"
	}
	r.span.SetAttributes(telemetry.AttrOutcome.String(kind), telemetry.AttrAttempt.Int(e.Attempts))
	if e.Replay > 0 {
		r.span.SetAttributes(telemetry.AttrReplay.Int(e.Replay))
	}
	if o.Class != "" {
		telemetry.Fail(r.span, o.Class)
	}
}
