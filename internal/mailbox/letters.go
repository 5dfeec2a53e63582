package mailbox

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// letter names a dead letter.
type letter struct {
	eventType string
	eventKey  string
}

// addDeadLetter stores the dead letter of an effect, or of an event that is itself at fault.
func (p *publisher) addDeadLetter(ctx context.Context, event *Event, e *record.Effect, o record.Outcome) error {
	first := e.Begun
	if first.IsZero() {
		first = e.Registered
	}
	pointer, rule := event.fault()
	d := streams.DeadLetter{
		Vendor: p.vendor.Name, Type: e.Type, Key: event.Key, EventID: event.ID(), Source: event.Source(),
		Class: o.Class, Status: o.Status, Message: o.Message, Pointer: pointer, Rule: rule,
		Attempts: e.Attempts, FirstTry: first.UTC(), LastTry: o.At,
		Epoch: e.Position.Epoch, Seq: e.Position.Seq, Stored: event.Message.Stored, Replay: e.Replay, Repair: event.Repair, Trace: p.traceparent(event),
		Subject: event.Message.Subject, Header: event.Message.Header, Payload: event.Message.Payload,
	}
	if event.isAtFault() {
		return p.deps.DeadLetters.AddEvent(ctx, d)
	}
	if p.letters == nil {
		p.letters = map[effectID]letter{}
	}
	p.letters[idOf(e)] = letter{e.Type, event.Key}
	return p.deps.DeadLetters.Add(ctx, d)
}

// removeDeadLetters removes the stored dead letters of effects that ended well by the record: a
// newer event has superseded the effect, or a newer owner has taken the effect over and has removed
// the dead letter too early.
func (p *publisher) removeDeadLetters(ctx context.Context, r *record.Record) error {
	for id, l := range p.letters {
		outcome, ended := r.Ended(id.key, id.replay)
		if !ended {
			continue
		}
		if outcome != events.Failed {
			if err := p.deps.DeadLetters.RemoveEnded(ctx, p.vendor.Name, l.eventType, l.eventKey, id.replay); err != nil {
				return err
			}
		}
		delete(p.letters, id)
	}
	return nil
}

// refuse ends an event without a record, as a dead letter. A vendor that takes no part publishes no
// result.
func (p *publisher) refuse(ctx context.Context, event *Event, o record.Outcome) error {
	f := refusal(event, o)
	p.startSpan(ctx, event, time.Now())
	defer p.endSpan()
	if err := p.addDeadLetter(ctx, event, &f.Effect, f.Outcome); err != nil {
		return err
	}
	if event.Plan.Skip {
		return nil
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

// addRejected stores the dead letters of the rejected arrivals.
func (b *outbox) addRejected(ctx context.Context) error {
	for _, a := range b.hand.list {
		if a.rejected == nil || a.deadLettered {
			continue
		}
		e := record.Effect{Key: record.KeyOf(a.event.Key), Replay: a.Replay, Position: a.Position, Type: a.Type, Registered: a.rejected.At}
		if err := b.addDeadLetter(ctx, a.event, &e, *a.rejected); err != nil {
			return err
		}
		a.deadLettered = true
	}
	return nil
}

// addOverdue stores the dead letters of overdue effects.
func (b *outbox) addOverdue(ctx context.Context, overdue []record.Effect) error {
	for i := range overdue {
		e := &overdue[i]
		if _, ok := b.user.missed[idOf(e)]; ok {
			continue
		}
		o := failed(classPrerequisite, message(handlers.ErrNoAccount))
		o.At = stamp(b.deps.Ownership.Now())
		event, err := b.hand.event(ctx, e)
		if errors.Is(err, ErrGone) {
			event = gone(e)
			o = expired(o.At)
			err = nil
		}
		if err == nil {
			err = b.addDeadLetter(ctx, event, e, o)
		}
		if err != nil {
			return err
		}
		if b.user.missed == nil {
			b.user.missed = map[effectID]record.Outcome{}
		}
		b.user.missed[idOf(e)] = o
	}
	return nil
}

// refuseAll ends the arrivals in hand without a record, as dead letters. An invalid event has no
// history, since there may be no user. A replay at all vendors may have nothing to do here.
func (b *outbox) refuseAll(ctx context.Context, outcome func(*Event) record.Outcome) error {
	for len(b.hand.list) > 0 {
		a := b.hand.list[0]
		if !a.event.idle {
			if err := b.refuseOne(ctx, a.event, outcome(a.event)); err != nil {
				return err
			}
		}
		if a.Replay > 0 {
			if err := b.deps.Replays.Remove(ctx, a.ReplaySeq); err != nil {
				return err
			}
		}
		a.done()
		b.hand.list = b.hand.list[1:]
	}
	return nil
}

// refuseOne ends an event of a user, or of no user, as a dead letter.
func (b *outbox) refuseOne(ctx context.Context, event *Event, o record.Outcome) error {
	if f := refusal(event, o); !strings.HasPrefix(b.user.key, invalidPrefix) {
		if err := appendHistory(ctx, b.deps.History, entry(b.user.key, event.Key, &f)); err != nil {
			return err
		}
	}
	return b.refuse(ctx, event, o)
}
