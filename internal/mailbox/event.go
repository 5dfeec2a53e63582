package mailbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// Event is a message that was read, validated and planned.
type Event struct {
	events.Event

	Message Message
	Type    string // that the subject names
	Key     string // full event key
	Replay  int
	Repair  string // the vendor's id of the account that a replay is to repair
	Handler handlers.Handler
	Plan    handlers.Plan
	Invalid error // why the event can never be carried out
}

// invalidPrefix begins the keys of the mailboxes of events that cannot be carried out. No
// name of a vendor begins with it.
const invalidPrefix = "!"

// RecordKey is the key of the record of a user at a vendor. It holds a digest of the
// user's id, which may hold what no key can, or an address.
func RecordKey(vendor, userID string) string {
	sum := sha256.Sum256([]byte(userID))
	return vendor + "." + hex.EncodeToString(sum[:16])
}

// replaySubject is what the subjects of replays begin with.
const replaySubject = "usher.replay."

// read decodes, validates and plans a message. Faults of the event are in Invalid.
func (m *Mailboxes) read(message Message, replay int) *Event {
	e := &Event{Message: message, Type: strings.TrimPrefix(message.Subject, replaySubject+m.vendor.Name+"."), Replay: replay}
	if replay > 0 {
		if r, ok := bus.ReadReplay(message.Header); ok {
			e.Key, e.Repair = r.Key, r.Repair
			if !r.Stored.IsZero() {
				e.Message.Stored = r.Stored
			}
		}
	}
	e.Invalid = m.understand(e)
	if e.Plan.Skip && replay > 0 { // the vendor takes no part any more: the dead letter goes
		e.Plan.Skip = false
		e.Plan.Do = func(context.Context, handlers.Known) (handlers.Reply, error) {
			return handlers.Reply{Outcome: events.Unsupported}, nil
		}
	}
	return e
}

// understand fills in what the event asks, and returns why it cannot be carried out.
func (m *Mailboxes) understand(e *Event) error {
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
	if err := m.valid(e); err != nil {
		if e.Key == "" { // an invalid event must not pass for a valid one that has its id
			e.Key = events.Key(key, string(e.Message.Payload))
		}
		return err
	}
	if e.Key == "" {
		e.Key = key
	}
	e.Plan, err = e.Handler.Plan(handlers.Vendor{Name: m.vendor.Name, Port: *m.vendor.Port.Load()}, decoded)
	return err
}

// valid finds the handler of the event, and validates its data.
func (m *Mailboxes) valid(e *Event) error {
	handler, ok := m.handlers[e.Type]
	if !ok || e.Event.Type() != e.Type {
		return &events.InvalidError{Pointer: "/type", Rule: events.RuleType, Detail: "the type is not the one that the subject names"}
	}
	e.Handler = handler
	return m.deps.Validate(e.Event)
}

// reusedKey is the key of an event whose source and id belong to another event.
func reusedKey(e *Event) string {
	return events.Key(events.Key(e.Source(), e.ID()), string(e.Message.Payload))
}

// origin is the input of the vendor's own deduplication. An event without a time has that
// of its first message.
func (e *Event) origin() vendors.Origin {
	at := e.Time()
	if at.IsZero() {
		at = e.Message.Stored
	}
	return vendors.Origin{Key: e.Key, At: at}
}

func (e *Event) pointer() string {
	if invalid := (*events.InvalidError)(nil); errors.As(e.Invalid, &invalid) {
		return invalid.Pointer
	}
	return ""
}

func (e *Event) rule() string {
	if invalid := (*events.InvalidError)(nil); errors.As(e.Invalid, &invalid) {
		return invalid.Rule
	}
	return ""
}

// arrival is an event in hand, from its delivery to the end of its turn.
type arrival struct {
	record.Arrival

	event *Event
	// settle tells the reader that the event is finished, or registered with a timer. It
	// is called once.
	settle  func()
	settled bool
	// ours says that this ownership has registered the event. Otherwise a former owner may
	// have registered it with a timer, and may still commit its position.
	ours bool
	// rejected is the outcome of an arrival that the record refuses; buried says that its
	// dead letter is stored.
	rejected *record.Outcome
	buried   bool
}

// size is the memory that the arrival takes, in bytes.
func (a *arrival) size() int { return arrivalBytes + len(a.event.Message.Payload) }

// arrivalBytes is what an arrival takes beside its payload, about.
const arrivalBytes = 512

func sizeOf(list []*arrival) (bytes int) {
	for _, a := range list {
		bytes += a.size()
	}
	return bytes
}

// done settles the arrival unless it is settled.
func (a *arrival) done() {
	if !a.settled {
		a.settled = true
		a.settle()
	}
}

// Deliver takes an event in. settle is called once the event is finished, or registered
// with a timer: the reader may then commit its position.
func (m *Mailboxes) Deliver(message Message, settle func()) {
	m.take(m.read(message, 0), 0, settle)
}

// DeliverReplay takes a replay in. The replay stays stored until its effect has ended; settle
// is called once it need not be delivered again.
func (m *Mailboxes) DeliverReplay(message Message, seq uint64, settle func()) {
	r, ok := bus.ReadReplay(message.Header)
	if !ok {
		r.Number = 1
	}
	m.take(m.read(message, r.Number), seq, settle)
}

func (m *Mailboxes) take(e *Event, replaySeq uint64, settle func()) {
	if e.Invalid == nil && e.Plan.Skip {
		settle()
		return
	}
	a := &arrival{event: e, settle: settle, Arrival: record.Arrival{
		Key: record.KeyOf(e.Key), Replay: e.Replay, Position: e.Message.Position, ReplaySeq: replaySeq,
		Type: e.Type, Scope: e.Handler.Scope, Course: e.Plan.Course,
	}}
	key := RecordKey(m.vendor.Name, e.Plan.UserID)
	if e.Invalid != nil { // there may be no user: a turn of its own
		key = invalidPrefix + e.Key
	}
	m.deliver(key, a)
}

// age is the time since the event was stored.
func (e *Event) age() time.Duration { return time.Since(e.Message.Stored) }
