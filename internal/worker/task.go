package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/vendors"
)

// task is one delivery, read and planned.
type task struct {
	message Message
	place   bus.Place
	event   events.Event
	kind    string // the type that its subject names
	key     string // of the event
	order   ledger.Order
	stored  time.Time // when the event's first message was
	replay  int
	repair  string // the vendor's id of the account that a replay is to repair
	handler handlers.Handler
	plan    handlers.Plan
	invalid error // why it can never be carried out
	// void says that it is a replay of an event in which the vendor takes no part
	// any more: it failed here once, so here it gets a result, and its dead letter leaves.
	void   bool
	tenure *tenure // under which it was taken
	token  string
	taken  time.Time  // when it was fetched
	begun  time.Time  // when the work on it did
	span   trace.Span // of the attempt; nil where there is none
	book   *ledger.Book
	sight  ledger.Sight // of its record, as this delivery last saw it
	// unclaimed is set where the vendor is called without a claim: the claim is made
	// together with what came of it. See Worker.unclaimed.
	unclaimed *ledger.Arrival
	record    string // the key of its record in book
}

// read decodes, validates and plans a delivery. What is wrong with the event
// itself is left in invalid.
func (w *Worker) read(m Message) *task {
	place := m.At()
	t := &task{
		message: m, place: place, kind: w.kind(m.Subject()), token: w.token(), taken: time.Now(),
		order: ledger.Order{Epoch: place.Epoch, Seq: place.Seq}, stored: place.Time,
		handler: handlers.Handler{Scope: events.ScopeLifecycle}, // also of an event that has no handler
	}
	replayed, isReplay := bus.ReadReplay(m.Header())
	switch {
	case isReplay && place.Stream == bus.ReplaysStream:
		t.key, t.replay, t.repair = replayed.Key, replayed.Number, replayed.Repair
		t.order = ledger.Order{Epoch: replayed.Epoch, Seq: replayed.Seq}
		if !replayed.Stored.IsZero() {
			t.stored = replayed.Stored
		}
	case isReplay: // what only a replay may say of itself
		t.key = keyOf(place)
	}
	t.invalid = w.understand(t)
	if t.plan.Skip && t.replay > 0 {
		t.plan.Skip, t.void, t.plan.Do = false, true, unsupported
	}
	if t.handler.Scope != events.ScopeActivity {
		t.book, t.record = w.deps.Accounts, ledger.AccountKey(w.vendor.Name, t.plan.UserID)
		return t
	}
	t.book, t.record = w.deps.Effects, ledger.EffectKey(w.vendor.Name, t.plan.UserID, t.key)
	if place.Delivery == 1 && t.replay == 0 {
		t.sight = ledger.Absent()
	}
	return t
}

// understand fills in what the event says, and its key where it is not known yet.
func (w *Worker) understand(t *task) error {
	e, err := events.FromNATS(t.message.Header(), t.message.Payload())
	if err != nil {
		t.key = cmp.Or(t.key, keyOf(t.place))
		return err
	}
	t.event = e
	key := events.Key(e.Source(), e.ID())
	if err := w.check(t); err != nil {
		if t.key == "" { // an invalid event must not pass for a valid one that has its id
			t.key = events.Key(key, string(t.message.Payload()))
		}
		return err
	}
	t.key = cmp.Or(t.key, key)
	t.plan, err = t.handler.Plan(handlers.Vendor{Name: w.vendor.Name, Port: *w.port.Load()}, e)
	return err
}

// check finds the handler of the event, and whether its data are in order.
func (w *Worker) check(t *task) error {
	handler, ok := w.handlers[t.kind]
	if !ok || t.event.Type() != t.kind {
		return &events.InvalidError{Pointer: "/type", Rule: events.RuleType, Detail: "the type is not the one that the subject names"}
	}
	t.handler = handler
	return w.deps.Validate(t.event)
}

// keyOf stands for the key of an event that cannot be read.
func keyOf(p bus.Place) string {
	return events.Key(fmt.Sprintf("%s/%d", p.Stream, p.Epoch), strconv.FormatUint(p.Seq, 10))
}

// claimed makes the claim that was left for later. Where there was none to make,
// or it is ours, the Step is Proceed.
func (t *task) claimed(a *ledger.Account) ledger.Decision {
	if t.unclaimed == nil {
		return ledger.Decision{Step: ledger.Proceed}
	}
	return a.Arrive(*t.unclaimed)
}

// kind is the event type that a subject names.
func (w *Worker) kind(subject string) string {
	return strings.TrimPrefix(subject, "usher.replay."+w.vendor.Name+".")
}

func (t *task) carrier() ledger.Carrier {
	return ledger.Carrier{Stream: t.place.Stream, Order: ledger.Order{Epoch: t.place.Epoch, Seq: t.place.Seq}}
}

// origin is what the vendor's own deduplication may go by. An event without a
// time has that of its first message.
func (t *task) origin() vendors.Origin {
	at := t.event.Time()
	if at.IsZero() {
		at = t.stored
	}
	return vendors.Origin{Key: t.key, At: at}
}

// unsupported is the plan of a void task.
func unsupported(context.Context, handlers.Known) (handlers.Reply, error) {
	return handlers.Reply{Outcome: events.Unsupported}, nil
}

// fault returns the pointer and the rule of an invalid event.
func fault(err error) (pointer, rule string) {
	if invalid := (*events.InvalidError)(nil); errors.As(err, &invalid) {
		return invalid.Pointer, invalid.Rule
	}
	return "", ""
}
