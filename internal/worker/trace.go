package worker

import (
	"context"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/internal/telemetry"
)

// traced starts the span of an attempt, in the trace of its event. Vendor calls
// under ctx and the result under record are beneath it. The wait for a slot comes
// before it.
func (w *Worker) traced(ctx, record context.Context, t *task) (calls, writes context.Context) {
	if w.deps.Tracer == nil {
		return ctx, record
	}
	subject := t.message.Subject()
	_, t.span = w.deps.Tracer.Start(telemetry.Follow(ctx, t.event, t.message.Header(), t.key), "process "+subject,
		trace.WithTimestamp(t.begun), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(telemetry.About(t.event, subject)...),
		trace.WithAttributes(
			semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName("process"),
			telemetry.AttrVendor.String(w.vendor.Name), telemetry.AttrKey.String(t.key),
		))
	return trace.ContextWithSpan(ctx, t.span), trace.ContextWithSpan(record, t.span)
}

// end ends the span of a task, where it has one.
func (t *task) end() {
	if t.span != nil {
		t.span.End()
	}
}

// outcome says in the span of a task what came of it.
func (t *task) outcome(e ledger.Effect, o ledger.Outcome) {
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

// traceparent names the span of a task, or without one what its event names.
func (t *task) traceparent() string {
	if t.span != nil {
		return telemetry.TraceParent(t.span)
	}
	return events.Extension(t.event, "traceparent")
}

// traceID is the id of the trace that a task belongs to, "" where it has none.
func (t *task) traceID() string {
	if t.span != nil {
		return t.span.SpanContext().TraceID().String()
	}
	return telemetry.TraceID(events.Extension(t.event, "traceparent"))
}

// publish publishes a result, in a span beneath that of the attempt where that
// one is sampled. The result itself carries the trace of its event, which does
// not change when it is told again.
func (w *Worker) publish(ctx context.Context, result events.Event) error {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return w.deps.Results.Publish(ctx, w.vendor.Name, result)
	}
	subject := events.ResultSubject(result.Type(), w.vendor.Name)
	ctx, span := w.deps.Tracer.Start(ctx, "send "+subject, telemetry.Sending(result, subject)...)
	defer span.End()
	err := w.deps.Results.Publish(ctx, w.vendor.Name, result)
	if err != nil {
		telemetry.Fail(span, "unstored")
	}
	return err
}
