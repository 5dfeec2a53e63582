package mailbox

import (
	"errors"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
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
	m.take(m.task.read(message, 0), 0, settle)
}

// DeliverReplay takes a replay in. The replay stays stored until its effect has ended; settle
// is called once it need not be delivered again. A message that is no replay ends as a dead
// letter.
func (m *Mailboxes) DeliverReplay(message Message, seq uint64, settle func()) {
	r, ok := streams.ReadReplayHeader(message.Header)
	if !ok {
		r.Number = 1
	}
	m.take(m.task.read(message, r.Number), seq, settle)
}

func (m *Mailboxes) take(e *Event, replaySeq uint64, settle func()) {
	if e.Invalid == nil && e.Plan.Skip {
		settle()
		return
	}
	m.deliver(m.task.keyOf(e), &arrival{event: e, settle: settle, Arrival: e.arrival(replaySeq)})
}

// arrival returns the event as the record takes it in. replaySeq is the sequence of a replay
// in its stream.
func (e *Event) arrival(replaySeq uint64) record.Arrival {
	return record.Arrival{
		Key: record.KeyOf(e.Key), Replay: e.Replay, Position: e.Message.Position, ReplaySeq: replaySeq,
		Type: e.Type, Scope: e.Handler.Scope, Course: e.Plan.Course,
	}
}

// age is the time since the event was stored.
func (e *Event) age() time.Duration { return time.Since(e.Message.Stored) }
