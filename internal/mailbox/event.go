package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// Event is a message after decoding, validation and planning.
type Event struct {
	events.Event

	Message Message
	Type    string // by the subject
	Key     string // full event key
	Replay  int
	Later   bool   // the later deletion of an account that the event has disabled
	Repair  string // for a repair by a replay: the vendor's id of the account
	// Automatic says that the account has sent a dead letter back, not a person.
	Automatic bool
	All       bool // all vendors have the message: the event itself, or its replay at all vendors
	Handler   handlers.Handler
	Plan      handlers.Plan // with Skip also for a fault
	Ignored   []string      // members of the data that are left out; see events.Clean
	Sent      record.Sent
	Invalid   error // why the event can never be carried out

	decoded *decoded
	idle    bool // a replay at all vendors, in which this vendor takes no part
}

// reader reads the messages of a vendor.
type reader struct {
	vendor   *Vendor
	decoder  *Decoder
	handlers map[string]handlers.Handler // by event type
	policy   handlers.Policy
	byTime   []string // Config.ByTime
	sealKeys [][]byte // Config.SealKeys
}

func newReader(v *Vendor, d *Decoder, list []handlers.Handler) reader {
	r := reader{vendor: v, decoder: d, handlers: map[string]handlers.Handler{}}
	for _, h := range list {
		r.handlers[h.Type] = h
	}
	return r
}

// read decodes, validates and plans a message. Faults of the event are in Invalid.
func (r reader) read(message Message, replay int) *Event {
	e := r.parse(message, replay)
	if e.Plan.Skip && replay > 0 && e.Invalid == nil { // the vendor takes no part any more: the dead letter goes
		e.idle = e.All
		e.Plan.Skip = false
		e.Plan.Do = func(context.Context, handlers.Known) (handlers.Reply, error) {
			return handlers.Reply{Outcome: events.Unsupported}, nil
		}
	}
	return e
}

// parse is read without a plan for replays at a vendor that takes no part.
func (r reader) parse(message Message, replay int) *Event {
	e := &Event{Message: message, Type: strings.TrimPrefix(message.Subject, "usher.replay."+r.vendor.Name+"."), Replay: replay, All: replay == 0}
	if replay > 0 {
		if r, ok := streams.ReadReplayHeader(message.Header); ok {
			e.Key, e.Repair, e.All, e.Automatic = r.Key, r.Repair, r.All, r.Automatic
			if !r.Stored.IsZero() {
				e.Message.Stored = r.Stored
			}
		}
	}
	e.Invalid = r.understand(e)
	if e.Invalid == nil && slices.Contains(r.byTime, events.Source(e.Event)) {
		e.Sent = record.SentBy(events.Source(e.Event), e.Time(), e.Message.Stored)
	}
	return e
}

// understand decodes, validates and plans an event, and returns the fault of the event, if any.
func (r reader) understand(e *Event) error {
	d := r.decoder.decode(e.Message, e.Replay)
	e.Event, e.Ignored, e.decoded = d.event, d.ignored, d
	if d.err != nil {
		if e.Key == "" {
			p := e.Message.Position
			e.Key = events.Key(fmt.Sprintf("%s/%d", e.Message.Stream, p.Epoch), strconv.FormatUint(p.Seq, 10))
		}
		return d.err
	}
	key := events.Key(events.Source(e.Event), e.ID())
	err := r.valid(e, d)
	if err != nil {
		if e.Key == "" { // an invalid event must not pass for a valid event with the same id
			e.Key = events.Key(key, string(e.Message.Payload))
		}
		return err
	}
	if e.Key == "" {
		e.Key = key
	}
	e.Later = e.isLaterReplay()
	e.Plan, err = r.plan(e)
	if !e.All && e.Plan.Skip { // the fault is a matter of other vendors
		return nil
	}
	if err == nil && e.Replay > 0 && e.All && !e.Handler.Supports(*r.vendor.Port.Load()) { // no consumer delivers the event
		e.Plan.Skip = true
	}
	return err
}

// valid finds the handler of the event, and validates the data.
func (r reader) valid(e *Event, d *decoded) error {
	if e.Replay > 0 && e.Key == "" { // neither position nor number are known
		return &events.InvalidError{Rule: events.RuleRequired, Detail: "the headers of a replay are missing: send it back by usher dead replay"}
	}
	if d.foreign != nil {
		return d.foreign
	}
	handler, ok := r.handlers[e.Type]
	if !ok || e.Event.Type() != e.Type {
		return &events.InvalidError{Pointer: "/type", Rule: events.RuleType, Detail: "the type is not the one that the subject names"}
	}
	e.Handler = handler
	e.Plan.Skip = e.All && handler.Idle(*r.vendor.Port.Load())
	if e.Replay == 0 { // a person sent a replay back
		if err := r.checkSeal(e, d); err != nil {
			return err
		}
	}
	return d.invalid()
}

// checkSeal checks the seal of an event of a reserved source. A translation makes no such source.
func (r reader) checkSeal(e *Event, d *decoded) error {
	err := events.CheckSeal(d.sent, e.Message.Header, r.sealKeys)
	if err == nil && events.Source(e.Event) != events.Source(d.sent) {
		err = events.CheckSeal(e.Event, nil, r.sealKeys)
	}
	return err
}

// Deliver takes an event in. settle is called once the event is finished, or registered
// with a timer: the reader may then commit the position.
func (m *Mailboxes) Deliver(message Message, settle func()) {
	m.take(m.read(message, 0), 0, settle)
}

// DeliverReplay takes a replay in. The replay stays stored until the effect has ended; settle
// is called once the replay need not be delivered again. A message without the headers of a
// replay ends as a dead letter.
func (m *Mailboxes) DeliverReplay(message Message, seq uint64, settle func()) {
	r, ok := streams.ReadReplayHeader(message.Header)
	if !ok {
		r.Number = 1
	}
	m.take(m.read(message, r.Number), seq, settle)
}

// take puts an event into the mailbox of the user.
func (m *Mailboxes) take(e *Event, replaySeq uint64, settle func()) {
	if e.Invalid == nil && e.Plan.Skip {
		settle()
		return
	}
	a := &arrival{Arrival: e.arrival(replaySeq), event: e, settle: settle, size: int64(arrivalBytes + len(e.Message.Payload))}
	key, class := m.keyOf(e), Fresh
	if e.Replay > 0 {
		class = WakeClass(key)
	}
	m.queue.deliver(key, class, a)
}

// invalidPrefix begins the keys of the mailboxes of events that cannot be carried out. No
// name of a vendor begins with the prefix.
const invalidPrefix = "!"

// keyOf returns the key of the mailbox of an event.
func (r reader) keyOf(e *Event) string {
	switch {
	case e.Invalid != nil, e.idle: // there may be no user: a turn without a record
		return invalidPrefix + e.Key
	case e.Handler.Scope == events.ScopeActivity:
		return record.ActivityKey(r.vendor.Name, e.Plan.UserID, e.Key)
	}
	return record.AccountKey(r.vendor.Name, e.Plan.UserID)
}

// arrival returns the event as the record takes events in. replaySeq is the sequence of a
// replay in the stream of replays.
func (e *Event) arrival(replaySeq uint64) record.Arrival {
	return record.Arrival{
		Key: record.KeyOf(e.Key), Replay: e.Replay, Later: e.Later, Position: e.Message.Position, ReplaySeq: replaySeq,
		Type: e.Type, Scope: e.Handler.Scope, Course: e.Plan.Course, Content: e.decoded.contentOf(), Sent: e.Sent,
	}
}

// origin is the input of the vendor's own deduplication. An event without a time has the time
// of the first message.
func (e *Event) origin() vendors.Origin {
	at := e.Time()
	if at.IsZero() {
		at = e.Message.Stored
	}
	return vendors.Origin{Key: e.Key, At: at}
}

// fault returns pointer and rule of the fault of an invalid event; empty without a fault.
func (e *Event) fault() (pointer, rule string) {
	if invalid, ok := errors.AsType[*events.InvalidError](e.Invalid); ok {
		return invalid.Pointer, invalid.Rule
	}
	return "", ""
}

// isAtFault reports whether the event itself is at fault, alike for all vendors.
func (e *Event) isAtFault() bool { return e.Invalid != nil && e.All }

// age is the time since the event was stored.
func (e *Event) age() time.Duration { return time.Since(e.Message.Stored) }

// reusedKey is the key of an event with the source and id of another event.
func reusedKey(e *Event) string {
	return events.Key(events.Key(events.Source(e.Event), e.ID()), string(e.Message.Payload))
}

// reusedID returns the fault of an event with the source and id of another event.
func reusedID(other string) *events.InvalidError {
	return &events.InvalidError{
		Pointer: "/id", Rule: events.RuleIDOnce,
		Detail: "the source and id belong to " + other + ": give every event an id of its own",
	}
}
