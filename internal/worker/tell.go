package worker

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/internal/telemetry"
	"github.com/usherhq/usher/vendors"
)

// finish writes an outcome down before anybody is told: the dead letter of a
// failure first, then the ledger, then the result.
func (w *Worker) finish(ctx context.Context, t *task, e ledger.Effect, o ledger.Outcome, c ledger.Change) settlement {
	if o.Kind == events.Failed {
		if err := w.bury(ctx, t, e, o); err != nil {
			w.trouble(t, err)
			return left
		}
	}
	var written ledger.Written
	var d ledger.Decision
	err := t.book.Revise(ctx, t.record, &t.sight, func(a *ledger.Account) {
		if d = t.claimed(a); d.Step == ledger.Proceed {
			e, written = a.Finish(t.key, t.token, o, c)
		}
	})
	if err != nil {
		w.trouble(t, err)
		return left
	}
	w.unknown.remove(t.key)
	w.retries.remove(t.key)
	switch {
	case d.Step != ledger.Proceed:
		return w.decided(ctx, t, d)
	case written != ledger.Mine:
		return left
	}
	w.line(t, e, *e.Outcome, time.Time{})
	return w.tell(ctx, t, e)
}

// tell publishes the result of a finished effect, removes the dead letter where
// it is a replay that ended well, and then lets the message go.
// The same effect gives the same result, byte for byte, however often it is told.
func (w *Worker) tell(ctx context.Context, t *task, e ledger.Effect) settlement {
	o := e.Outcome
	r := events.Result{Vendor: w.vendor.Name, Outcome: o.Kind, AccountID: o.AccountID, Attempts: o.Attempts, TookMS: o.TookMS}
	if o.Kind == events.Failed {
		r.Error = &events.ResultError{Class: o.Class, Status: o.Status, Message: o.Message}
	}
	result, err := events.NewResult(events.ResultOf{
		Request: t.event, RequestType: t.kind, UserID: t.plan.UserID, Key: t.key, Replay: e.Replay,
		Source: w.config.Source, At: o.At, Result: r,
	})
	if err == nil {
		err = w.publish(ctx, result)
	}
	if err == nil && e.Replay > 0 && o.Kind != events.Failed {
		err = w.deps.Graves.Settle(ctx, w.vendor.Name, t.kind, t.key, e.Replay)
	}
	if err != nil {
		w.trouble(t, err)
		return again(unwell)
	}
	return acked
}

// refuse ends a message whose event can never be carried out. There is no
// record of it, since there may be no user: all that is told depends on the
// message alone, and so is the same when it is told again (but for the span that
// the dead letter names).
func (w *Worker) refuse(ctx context.Context, t *task) settlement {
	o := ledger.Outcome{Kind: events.Failed, Attempts: 1, At: t.place.Time.UTC(), Class: classInvalid, Message: message(t.invalid)}
	e := ledger.Effect{Key: t.key, Replay: t.replay, Begun: t.place.Time, Last: t.place.Time, Attempts: 1, Order: t.order, Outcome: &o}
	if err := w.bury(ctx, t, e, o); err != nil {
		w.trouble(t, err)
		return again(unwell)
	}
	w.line(t, e, o, time.Time{})
	return w.tell(ctx, t, e)
}

// clash ends a message whose source and id are those of an event of another type,
// which is another event: its producer gives ids twice. What it asks for cannot pass
// for what the other one did.
func (w *Worker) clash(ctx context.Context, t *task, other ledger.Effect) settlement {
	t.invalid = &events.InvalidError{
		Pointer: "/id", Rule: events.RuleIDOnce,
		Detail: "there is a " + other.Type + " with this source and id: give every event an id of its own",
	}
	t.key = events.Key(t.key, string(t.message.Payload())) // or the results of both would be one
	if t.span == nil {
		_, ctx = w.traced(ctx, ctx, t)
	}
	return w.refuse(ctx, t)
}

func (w *Worker) bury(ctx context.Context, t *task, e ledger.Effect, o ledger.Outcome) error {
	pointer, rule := fault(t.invalid)
	return w.deps.Graves.Bury(ctx, bus.DeadLetter{
		Vendor: w.vendor.Name, Type: t.kind, Key: t.key, EventID: t.event.ID(), Source: t.event.Source(),
		Class: o.Class, Status: o.Status, Message: o.Message, Pointer: pointer, Rule: rule,
		Attempts: e.Attempts, FirstTry: e.Begun.UTC(), LastTry: e.Last.UTC(),
		Epoch: e.Order.Epoch, Seq: e.Order.Seq, Stored: t.stored, Replay: e.Replay, Trace: t.traceparent(),
		Subject: t.message.Subject(), Header: t.message.Header(), Payload: t.message.Payload(),
	})
}

// message is what may be said of an error in a result, a dead letter or a log:
// the vendors' and the events' errors hold no secret and no personal data.
func message(err error) string {
	vendor, invalid := (*vendors.Error)(nil), (*events.InvalidError)(nil)
	switch {
	case errors.As(err, &vendor):
		return vendor.Error()
	case errors.As(err, &invalid):
		return invalid.Error()
	default:
		return err.Error()
	}
}

// line writes the one wide log line of an attempt.
func (w *Worker) line(t *task, e ledger.Effect, o ledger.Outcome, due time.Time) {
	t.outcome(e, o)
	took := time.Duration(o.TookMS) * time.Millisecond
	if w.deps.Seen != nil {
		w.deps.Seen(Seen{Vendor: w.vendor.Name, Type: t.kind, Key: t.key, Outcome: o.Kind, Class: o.Class, Took: took, Age: time.Since(t.stored)})
	}
	level := zerolog.InfoLevel
	switch o.Kind {
	case events.Failed:
		level = zerolog.ErrorLevel
	case "":
		level = zerolog.WarnLevel
	}
	event := w.deps.Log.WithLevel(level)
	event.Str("vendor", w.vendor.Name).Str("type", t.kind).Str("event", t.event.ID()).Str("key", t.key).
		Int("attempts", e.Attempts).Dur("took", took)
	if id := t.traceID(); id != "" {
		event.Str("trace_id", id)
	}
	if o.Class != "" {
		event.Str("class", o.Class).Str("error", o.Message)
	}
	if o.Status != 0 {
		event.Int("status", o.Status)
	}
	if o.Kind == "" {
		event.Time("due", due).Msg("waiting")
		return
	}
	event.Str("outcome", o.Kind).Msg("effect")
}

// trouble logs a step of ours that NATS failed; the message comes again.
func (w *Worker) trouble(t *task, err error) {
	if t.span != nil {
		telemetry.Fail(t.span, "unrecorded")
	}
	w.deps.Log.Warn().Err(err).Str("vendor", w.vendor.Name).Str("type", t.kind).Str("key", t.key).Msg("not recorded yet, trying again")
}
