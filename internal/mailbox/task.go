package mailbox

import (
	"context"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// task is the part of the work on an event that does not depend on how the effect comes to
// its call: turns of a mailbox and first attempts of activity share it.
type task struct {
	vendor   *Vendor
	config   *Config
	deps     *Deps
	handlers map[string]handlers.Handler
	span     trace.Span   // of the last attempt, until its result is published; nil without traces
	letters  []deadLetter // that were stored since the last write of the record
}

func newTask(v *Vendor, c Config, d Deps) (task, error) {
	if d.Failures == nil {
		d.Failures = new(Failures)
	}
	return task{vendor: v, config: &c, deps: &d, handlers: byType(d.Handlers)}, c.check()
}

// byType returns handlers by the type of the events that they take.
func byType(list []handlers.Handler) map[string]handlers.Handler {
	m := map[string]handlers.Handler{}
	for _, h := range list {
		m[h.Type] = h
	}
	return m
}

// replaySubject is what the subjects of replays begin with.
const replaySubject = "usher.replay."

// read decodes, validates and plans a message. Faults of the event are in Invalid.
func (t *task) read(message Message, replay int) *Event {
	e := t.parse(message, replay)
	if e.Plan.Skip && replay > 0 { // the vendor takes no part any more: the dead letter goes
		e.Plan.Skip = false
		e.Plan.Do = func(context.Context, handlers.Known) (handlers.Reply, error) {
			return handlers.Reply{Outcome: events.Unsupported}, nil
		}
	}
	return e
}

// parse is read for an event that the vendor may take no part in.
func (t *task) parse(message Message, replay int) *Event {
	e := &Event{Message: message, Type: strings.TrimPrefix(message.Subject, replaySubject+t.vendor.Name+"."), Replay: replay}
	if replay > 0 {
		if r, ok := bus.ReadReplay(message.Header); ok {
			e.Key, e.Repair = r.Key, r.Repair
			if !r.Stored.IsZero() {
				e.Message.Stored = r.Stored
			}
		}
	}
	e.Invalid = t.understand(e)
	return e
}

// understand fills in what the event asks, and returns why it cannot be carried out.
func (t *task) understand(e *Event) error {
	decoded, err := events.FromNATS(e.Message.Header, e.Message.Payload)
	if err != nil {
		if e.Key == "" {
			p := e.Message.Position
			e.Key = events.Key(fmt.Sprintf("%s/%d", e.Message.Stream, p.Epoch), strconv.FormatUint(p.Seq, 10))
		}
		return err
	}
	e.Event = decoded
	key := events.Key(decoded.Source(), decoded.ID())
	if err := t.valid(e); err != nil {
		if e.Key == "" { // an invalid event must not pass for a valid one that has its id
			e.Key = events.Key(key, string(e.Message.Payload))
		}
		return err
	}
	if e.Key == "" {
		e.Key = key
	}
	e.Plan, err = e.Handler.Plan(handlers.Vendor{Name: t.vendor.Name, Adapter: *t.vendor.Port.Load()}, decoded)
	return err
}

// valid finds the handler of the event, and validates its data.
func (t *task) valid(e *Event) error {
	if e.Replay > 0 && e.Key == "" { // its position and its number are unknown
		return &events.InvalidError{Rule: events.RuleRequired, Detail: "the headers of a replay are missing: send it back by usher dead replay"}
	}
	handler, ok := t.handlers[e.Type]
	if !ok || e.Event.Type() != e.Type {
		return &events.InvalidError{Pointer: "/type", Rule: events.RuleType, Detail: "the type is not the one that the subject names"}
	}
	e.Handler = handler
	return t.deps.Validate(e.Event)
}

// keyOf returns the key of the mailbox of an event.
func (t *task) keyOf(e *Event) string {
	switch {
	case e.Invalid != nil: // there may be no user: a turn of its own
		return invalidPrefix + e.Key
	case e.Handler.Scope == events.ScopeActivity:
		return record.ActivityKey(t.vendor.Name, e.Plan.UserID, e.Key)
	}
	return record.AccountKey(t.vendor.Name, e.Plan.UserID)
}

// do carries out the plan of an event. A panic becomes an error.
func (t *task) do(ctx context.Context, event *Event, known handlers.Known) (reply handlers.Reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			t.deps.Log.Error().Str("vendor", t.vendor.Name).Str("type", event.Type).Bytes("stack", debug.Stack()).Msg("a handler panicked")
			err = fmt.Errorf("%w (a %T)", errPanic, p)
		}
	}()
	return event.Plan.Do(ctx, known)
}
