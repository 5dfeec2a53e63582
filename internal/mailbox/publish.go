package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/telemetry"
)

// publisher publishes results, and stores and removes dead letters.
type publisher struct {
	*reporter
	letters map[effectID]letter // stored dead letters of effects without an outcome in the record
}

// outbox publishes the finished effects of a record.
type outbox struct {
	*publisher
	user *user
	hand *hand
}

// isPublished reports whether a finished effect is known to be published. An effect without
// the Publish flag held back the position until the publication, so a committed position is
// proof; not for activity, with an acknowledgement per event.
func (b *outbox) isPublished(f *record.Finished) bool {
	if b.user.published[idOf(&f.Effect)] {
		return true
	}
	return !f.Publish && f.Replay == 0 && f.Scope != events.ScopeActivity && !b.deps.Ownership.Committed().Before(f.Position)
}

// publish publishes the results of the finished effects of the record, and their history.
// Positions are settled later. An effect under the claim of a newer owner has to wait: the
// outcome of the owner may replace the outcome in the record.
func (b *outbox) publish(ctx context.Context) error {
	r := b.user.stored.record
	for i := range r.Finished {
		f := &r.Finished[i]
		if b.isPublished(f) || r.Claim.Is(f.Key, f.Replay) {
			continue
		}
		if err := b.publishOne(ctx, f); err != nil {
			return err
		}
		b.user.published[idOf(&f.Effect)] = true
	}
	for id := range b.user.published {
		if !slices.ContainsFunc(r.Finished, func(f record.Finished) bool { return idOf(&f.Effect) == id }) {
			delete(b.user.published, id)
		}
	}
	return nil
}

// publishOne publishes the result of a finished effect, and the history side by side. Then
// publishOne removes a dead letter of an effect that ended well after all, and the message of a
// replay as the last step.
func (b *outbox) publishOne(ctx context.Context, f *record.Finished) error {
	event, err := b.event(ctx, f)
	if errors.Is(err, ErrGone) {
		if f.Replay > 0 && f.Delivered() && f.Class != classExpired {
			return nil // the last step was made
		}
		if f.Class != classExpired && f.Delivered() { // a dead letter says so, or the former core has published
			b.deps.Log.Error().Str("vendor", b.vendor.Name).Str("type", f.Type).Str("outcome", f.Kind).
				Msg("a result cannot be published: its event left the stream")
		}
		return appendHistory(ctx, b.deps.History, entry(b.user.key, f.Key.String(), f))
	}
	if err != nil {
		return err
	}
	var side sync.WaitGroup
	var unlisted error
	side.Go(func() {
		e := entry(b.user.key, event.Key, f)
		e.Automatic = event.Automatic
		unlisted = appendHistory(ctx, b.deps.History, e)
	})
	err = b.result(ctx, event, f)
	side.Wait()
	if err := errors.Join(err, unlisted); err != nil {
		return err
	}
	if f.By == "" { // no attempt has reported the outcome
		b.report(event, &f.Effect, f.Outcome, time.Time{})
	}
	if b.mayHaveDeadLetter(f) {
		end := b.deps.DeadLetters.RemoveEnded
		if isOwed(f) {
			end = b.deps.DeadLetters.Reopen
		}
		if err := end(ctx, b.vendor.Name, f.Type, event.Key, f.Replay); err != nil {
			return err
		}
	}
	if f.Replay > 0 && f.Delivered() {
		return b.deps.Replays.Remove(ctx, f.ReplaySeq)
	}
	return nil
}

// isOwed reports whether a replay was skipped although the change is still to be made: Usher may not
// make such a change at present.
func isOwed(f *record.Finished) bool {
	return f.Replay > 0 && f.Kind == events.Skipped && (f.Reason == handlers.ReasonMay || f.Reason == handlers.ReasonShadow)
}

// event returns the event of a finished effect. The event of a replay stands for a missing
// message of the replay, carried out by the former core.
func (b *outbox) event(ctx context.Context, f *record.Finished) (*Event, error) {
	event, err := b.hand.event(ctx, &f.Effect)
	if errors.Is(err, errUndelivered) {
		original := f.Effect
		original.Replay = 0
		event, err = b.hand.event(ctx, &original)
	}
	return event, err
}

// timeMargin covers the rounding of stored times, and the difference between two owners' times.
const timeMargin = time.Second

// mayHaveDeadLetter reports whether an effect that ended well may have a dead letter. A dead
// letter is stored before the outcome, and the outcome may then get lost.
func (b *outbox) mayHaveDeadLetter(f *record.Finished) bool {
	attempts := 1 // the last attempt ended well
	if f.Kind == events.Superseded {
		attempts = 0
	}
	tried := f.Replay > 0 || f.Attempts > attempts
	overdue := !f.Begun.IsZero() && f.At.Sub(f.Begun) >= b.config.PrerequisiteWait-timeMargin
	rejected := !b.user.stored.record.Rejected.Before(f.Position)
	return f.Kind != events.Failed && (tried || overdue || rejected)
}

// result publishes the result of a finished effect. An effect always has the same result,
// byte for byte.
func (p *publisher) result(ctx context.Context, event *Event, f *record.Finished) error {
	r := events.Result{
		Vendor: p.vendor.Name, Outcome: f.Kind, AccountID: f.AccountID, CourseID: f.Course, Attempts: f.Attempts, TookMS: f.TookMS,
		Action: f.Action, MatchedBy: f.MatchedBy, Changed: f.ChangedFields(), Reason: f.Reason, Ignored: event.Ignored,
	}
	if f.Kind == events.Failed {
		r.Error = &events.ResultError{Class: f.Class, Status: f.Status, Message: f.Message}
	}
	result, err := events.NewResult(events.ResultOf{
		Request: event.request(), RequestType: f.Type, UserID: event.Plan.UserID, Key: event.Key, Replay: f.Replay,
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
