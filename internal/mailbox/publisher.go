package mailbox

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/telemetry"
)

// publisher publishes results, and stores and removes dead letters.
type publisher struct {
	*reporter
	letters []letter // stored since the last write of the record
}

// letter names a dead letter.
type letter struct {
	id        effectID
	eventType string
	eventKey  string
}

// bury stores the dead letter of an effect.
func (p *publisher) bury(ctx context.Context, event *Event, e *record.Effect, o record.Outcome) error {
	first := e.Begun
	if first.IsZero() {
		first = e.Registered
	}
	pointer, rule := event.fault()
	p.letters = append(p.letters, letter{idOf(e), e.Type, event.Key})
	return p.deps.DeadLetters.Bury(ctx, bus.DeadLetter{
		Vendor: p.vendor.Name, Type: e.Type, Key: event.Key, EventID: event.ID(), Source: event.Source(),
		Class: o.Class, Status: o.Status, Message: o.Message, Pointer: pointer, Rule: rule,
		Attempts: e.Attempts, FirstTry: first.UTC(), LastTry: o.At,
		Epoch: e.Position.Epoch, Seq: e.Position.Seq, Stored: event.Message.Stored, Replay: e.Replay, Trace: p.traceparent(event),
		Subject: event.Message.Subject, Header: event.Message.Header, Payload: event.Message.Payload,
	})
}

// unbury removes the stored dead letters of effects that ended well by the record: a newer
// owner has taken the effects over, and has removed the dead letters too early.
func (p *publisher) unbury(ctx context.Context, r *record.Record) error {
	for _, l := range p.letters {
		if outcome, ended := r.Ended(l.id.key, l.id.replay); !ended || outcome == events.Failed {
			continue
		}
		if err := p.deps.DeadLetters.Settle(ctx, p.vendor.Name, l.eventType, l.eventKey, l.id.replay); err != nil {
			return err
		}
	}
	p.letters = nil
	return nil
}

// refuse ends an event without a record, as a dead letter.
func (p *publisher) refuse(ctx context.Context, event *Event, o record.Outcome) error {
	f := refusal(event, o)
	p.startSpan(ctx, event, time.Now())
	defer p.endSpan()
	if err := p.bury(ctx, event, &f.Effect, f.Outcome); err != nil {
		return err
	}
	if err := p.result(ctx, event, &f); err != nil {
		return err
	}
	p.report(event, &f.Effect, f.Outcome, time.Time{})
	return nil
}

// refusal returns the effect of an event that ends without a record. The effect depends on the
// message alone, so every publication is the same.
func refusal(event *Event, o record.Outcome) record.Finished {
	o.At = event.Message.Stored.UTC()
	return record.Finished{
		Effect: record.Effect{
			Key: record.KeyOf(event.Key), Replay: event.Replay, Position: event.Message.Position,
			Type: event.Type, Scope: event.Handler.Scope, Course: event.Plan.Course, Registered: o.At, Attempts: 1,
		},
		Outcome: o,
	}
}

// result publishes the result of a finished effect. An effect always has the same result,
// byte for byte.
func (p *publisher) result(ctx context.Context, event *Event, f *record.Finished) error {
	r := events.Result{Vendor: p.vendor.Name, Outcome: f.Kind, AccountID: f.AccountID, Attempts: f.Attempts, TookMS: f.TookMS}
	if f.Kind == events.Failed {
		r.Error = &events.ResultError{Class: f.Class, Status: f.Status, Message: f.Message}
	}
	result, err := events.NewResult(events.ResultOf{
		Request: event.Event, RequestType: f.Type, UserID: event.Plan.UserID, Key: event.Key, Replay: f.Replay,
		Source: p.config.Source, At: f.At, Result: r,
	})
	if err != nil {
		return fmt.Errorf("result of %s: %w", f.Type, err)
	}
	return p.send(ctx, result)
}

// send publishes a result, in a child span of the attempt if the span is sampled. The result
// carries the trace of the event, so a repeated result is the same.
func (p *publisher) send(ctx context.Context, result events.Event) error {
	ctx = p.within(ctx)
	if !trace.SpanFromContext(ctx).IsRecording() {
		return p.deps.Results.Publish(ctx, p.vendor.Name, result)
	}
	subject := events.ResultSubject(result.Type(), p.vendor.Name)
	ctx, span := p.deps.Tracer.Start(ctx, "send "+subject, telemetry.Sending(result, subject)...)
	defer span.End()
	err := p.deps.Results.Publish(ctx, p.vendor.Name, result)
	if err != nil {
		telemetry.Fail(span, "unstored")
	}
	return err
}
