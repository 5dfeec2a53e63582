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

// startSpan starts the span of an attempt, in the trace of the event. The calls of the
// vendor and the result are child spans. The wait for a slot comes before the span.
func (t *task) startSpan(ctx context.Context, event *Event, began time.Time) {
	t.endSpan()
	if t.deps.Tracer == nil {
		return
	}
	subject := event.Message.Subject
	_, t.span = t.deps.Tracer.Start(telemetry.Follow(ctx, event.Event, event.Message.Header, event.Key), "process "+subject,
		trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(telemetry.About(event.Event, subject)...),
		trace.WithAttributes(
			semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName("process"),
			telemetry.AttrVendor.String(t.vendor.Name), telemetry.AttrKey.String(event.Key),
		))
}

// endSpan ends the span of the last attempt.
func (t *task) endSpan() {
	if t.span != nil {
		t.span.End()
		t.span = nil
	}
}

// inSpan returns a context in which further spans are children of the attempt.
func (t *task) inSpan(ctx context.Context) context.Context {
	if t.span == nil {
		return ctx
	}
	return trace.ContextWithSpan(ctx, t.span)
}

// traceparent names the span of the attempt, or else the one that the event names.
func (t *task) traceparent(event *Event) string {
	if t.span != nil {
		return telemetry.TraceParent(t.span)
	}
	return events.Extension(event.Event, "traceparent")
}

// traceID returns the id of the trace that the event belongs to; empty if there is none.
func (t *task) traceID(event *Event) string {
	if t.span != nil {
		return t.span.SpanContext().TraceID().String()
	}
	return telemetry.TraceID(events.Extension(event.Event, "traceparent"))
}

// report counts and logs how an attempt ended, or how an effect ended without one. due is
// the time of the next attempt if the outcome has no kind.
func (t *task) report(event *Event, e *record.Effect, o record.Outcome, due time.Time) {
	t.describe(e, o)
	took := time.Duration(o.TookMS) * time.Millisecond
	if t.deps.Observe != nil {
		t.deps.Observe(Observation{
			Vendor: t.vendor.Name, Type: event.Type, Key: event.Key, Outcome: o.Kind, Class: o.Class, Took: took, Age: event.age(),
		})
	}
	level := zerolog.InfoLevel
	switch o.Kind {
	case events.Failed:
		level = zerolog.ErrorLevel
	case "":
		level = zerolog.WarnLevel
	}
	line := t.deps.Log.WithLevel(level).Str("vendor", t.vendor.Name).Str("type", event.Type).Str("event", event.ID()).Str("key", event.Key).
		Int("attempts", e.Attempts).Dur("took", took)
	if id := t.traceID(event); id != "" {
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
	line.Str("outcome", o.Kind).Msg("effect")
}

// describe adds the outcome to the span of the attempt.
func (t *task) describe(e *record.Effect, o record.Outcome) {
	if t.span == nil || !t.span.IsRecording() {
		return
	}
	kind := o.Kind
	if kind == "" {
		kind = "waiting"
	}
	t.span.SetAttributes(telemetry.AttrOutcome.String(kind), telemetry.AttrAttempt.Int(e.Attempts))
	if e.Replay > 0 {
		t.span.SetAttributes(telemetry.AttrReplay.Int(e.Replay))
	}
	if o.Class != "" {
		telemetry.Fail(t.span, o.Class)
	}
}

// send publishes a result, in a child span of the attempt if that span is sampled. The
// result carries the trace of the event, so that a repeated result is the same.
func (t *task) send(ctx context.Context, result events.Event) error {
	ctx = t.inSpan(ctx)
	if !trace.SpanFromContext(ctx).IsRecording() {
		return t.deps.Results.Publish(ctx, t.vendor.Name, result)
	}
	subject := events.ResultSubject(result.Type(), t.vendor.Name)
	ctx, span := t.deps.Tracer.Start(ctx, "send "+subject, telemetry.Sending(result, subject)...)
	defer span.End()
	err := t.deps.Results.Publish(ctx, t.vendor.Name, result)
	if err != nil {
		telemetry.Fail(span, "unstored")
	}
	return err
}
