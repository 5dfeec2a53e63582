package mailbox

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/vendors"
)

var (
	// ErrNotMine is returned for a delivery that another process may have by now.
	ErrNotMine = errors.New("another process may have the message")
	// ErrClosed is returned for a delivery in order that may not call the vendor now. Nothing was
	// done with it.
	ErrClosed = errors.New("the vendor may not be called now")
)

// FirstAttempts makes the first attempts of activity events. No claim is stored before the call,
// since the vendors that take activity know a repeat, and the result is the memory of a finished
// activity: an attempt that needs no other costs one message. An effect that has to wait is stored
// as a pending one with a timer, and from then on belongs to the Mailboxes of the owner of the
// vendor.
type FirstAttempts struct {
	*parts
	now    func() time.Time
	nonces nonces
}

// NewFirstAttempts returns the first attempts of a vendor. now returns the time of the server.
// The needed Deps are Records, Timers, Results, DeadLetters, Memory, Gate, Decoder, Handlers and
// Log.
func NewFirstAttempts(v *Vendor, c Config, d Deps, now func() time.Time) (*FirstAttempts, error) {
	p, err := newParts(v, c, d)
	if err != nil {
		return nil, err
	}
	return &FirstAttempts{parts: p, now: now, nonces: nonces{prefix: "a" + rand.Text()[:8] + "."}}, nil
}

// Read decodes, validates and plans a message. Faults of the event are in Invalid.
func (f *FirstAttempts) Read(m Message) *Event { return f.read(m, 0) }

// Delivery is an event in the hands of a process.
type Delivery struct {
	Event *Event
	// Again says that the event may have been delivered before, so that the vendor may have
	// been called.
	Again bool
	// Ordered says that the calls of a user begin in the order of deliveries: an event that may not
	// begin stays with the caller.
	Ordered bool
	// Taken is the time at which this process got the event.
	Taken time.Time
	// Until is the time before which no other process can have the event. Until may move.
	Until func() time.Time
}

// mine reports whether no other process can have the event now.
func (d Delivery) mine() bool { return time.Now().Before(d.Until()) }

// CarryOut makes the first attempt of an event. The caller has a slot of the class Activity.
// After a nil error the message may be acknowledged: the effect is finished with a published
// result, or has a timer. After ErrClosed the caller calls again later. After any other error the
// message must be delivered again.
func (f *FirstAttempts) CarryOut(p Phases, d Delivery) error {
	x := &first{FirstAttempts: f, reporter: reporter{parts: f.parts}, Phases: p, Delivery: d, key: f.keyOf(d.Event)}
	x.publisher.reporter = &x.reporter
	defer x.publisher.endSpan()
	if d.Again && !f.deps.Memory.KnewAt(d.Taken) { // a former delivery may have ended just now
		if err := f.deps.Memory.CatchUp(p.write); err != nil {
			return err
		}
	}
	result, perhapsRecord := f.deps.Memory.Knows(d.Event.Key)
	switch {
	case result:
		return nil
	case d.Event.Invalid != nil:
		return x.publisher.refuse(p.write, d.Event, failed(classInvalid, message(d.Event.Invalid)))
	case d.Event.Plan.Skip:
		return nil
	case d.Again, perhapsRecord:
		return x.takeUp()
	}
	return x.begin()
}

// first is a first attempt of an event.
type first struct {
	*FirstAttempts
	Phases
	Delivery

	reporter   reporter
	publisher  publisher
	key        string // of the record
	effect     record.Effect
	failure    record.Failure // of the attempt
	deadLetter bool           // a dead letter was stored
}

// begin makes the attempt, unless the effect has to wait or is out of date.
func (x *first) begin() error {
	now := x.now()
	x.effect = x.newEffect(now)
	if !x.deps.Gate.Allows(Activity) {
		return x.waitForGate(now)
	}
	if events.Expired(x.Event.Event, now) {
		x.effect.Begun, x.effect.Attempts = now, 1
		return x.finish(record.Outcome{Kind: events.Superseded, At: stamp(now)})
	}
	if x.deps.Gate.Wait(x.stop, Activity) != nil {
		if x.stop.Err() != nil {
			return x.stop.Err()
		}
		return x.waitForGate(now) // the vendor asked for a rest
	}
	if !x.mine() { // the process may have been frozen
		return ErrNotMine
	}
	return x.attempt()
}

// waitForGate stores the effect for the owner, who looks at the gate. In order, the effect stays
// with the caller: the owner carries out stored activities in any order.
func (x *first) waitForGate(now time.Time) error {
	if x.Ordered {
		return ErrClosed
	}
	x.effect.Due = now
	return x.wait()
}

// newEffect returns the effect of the event before any attempt.
func (x *first) newEffect(now time.Time) record.Effect {
	return record.Effect{
		Key: record.KeyOf(x.Event.Key), Position: x.Event.Message.Position, Type: x.Event.Type, Scope: x.Event.Handler.Scope, Registered: now,
	}
}

// attempt calls the vendor and stores the outcome.
func (x *first) attempt() error {
	data, _, unread := x.profile(x.write, x.Event)
	if unread != nil && !errors.Is(unread, profile.ErrUnreadable) {
		return unread
	}
	began := time.Now()
	x.effect.Begun = x.now()
	x.effect.Tried = true
	x.effect.Attempts = 1
	x.publisher.startSpan(x.call, x.Event, began)
	var reply handlers.Reply
	err := unread
	if err == nil {
		reply, err = x.do(x.publisher.within(x.call), call{
			event: x.Event, known: handlers.Known{From: x.Event.origin(), Profile: data}, class: Activity, begin: x.latest(began),
			user: strings.TrimSuffix(x.key, "."+x.Event.Key), // the key of the account
		})
	}
	if x.Ordered && errors.Is(err, vendors.ErrLate) {
		return ErrClosed
	}
	o := outcomeOf(reply, x.now())
	var pause record.Pause
	if err != nil {
		pause, o = judge(x.config, &x.effect, err, x.now())
	}
	o.TookMS = time.Since(began).Milliseconds()
	if o.Kind == "" {
		x.postpone(withFailure(pause, o))
		x.publisher.report(x.Event, &x.effect, o, x.effect.Due)
		return x.wait()
	}
	return x.finish(o)
}

// latest returns the latest beginning of a call.
func (x *first) latest(began time.Time) time.Time {
	lease, until := began.Add(x.config.CallLease), x.Until()
	if until.Before(lease) {
		return until
	}
	return lease
}

// postpone notes in the effect why the attempt did not finish it.
func (x *first) postpone(p record.Pause) {
	nonce := x.nonces.next()
	r := record.Record{Pending: []record.Effect{x.effect}, Claim: &record.Claim{Key: x.effect.Key, Nonce: nonce}}
	r.Postpone(record.Attempt{Key: x.effect.Key, Nonce: nonce}, p)
	x.effect, x.failure = r.Pending[0], r.Failure
}

// wait stores the effect as a pending one and sets its timer.
func (x *first) wait() error {
	err := x.create(&record.Record{Pending: []record.Effect{x.effect}, Failure: x.failure})
	if errors.Is(err, ErrStaleRevision) {
		return x.takeUp()
	}
	if err != nil {
		return err
	}
	x.deps.Memory.AddRecord(x.Event.Key)
	return x.arm(x.effect.Due)
}

// arm sets the timer of the effect. A converted effect may have no due time.
func (x *first) arm(due time.Time) error {
	if now := x.now(); due.Before(now) {
		due = now
	}
	return x.deps.Timers.Arm(x.write, x.key, due)
}
