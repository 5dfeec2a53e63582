package mailbox

import (
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/pause"
)

// ErrNotMine is returned for a delivery that another process may have by now. Nothing was
// done with it.
var ErrNotMine = errors.New("another process may have the message")

// FirstAttempts makes the first attempts of activity events, in any process. No claim is
// stored before the call, since the vendors that take activity know a repeat; so an attempt
// that needs no other costs one write. An effect that has to wait is stored as a pending one
// with a timer, and from then on belongs to the Mailboxes of the owner of the vendor.
type FirstAttempts struct {
	*parts
	now    func() time.Time
	nonces nonces
}

// NewFirstAttempts returns the first attempts of a vendor. now returns the time of the server.
// The needed Deps are Records, Timers, Results, DeadLetters, Gate, Decoder, Handlers and Log.
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
	// Mine reports whether no other process can have the event now.
	Mine func() bool
}

// CarryOut makes the first attempt of an event. The caller has a slot of the class Activity.
// After a nil error the message may be acknowledged: the effect is finished with a published
// result, or has a timer. After any other error the message must be delivered again.
func (f *FirstAttempts) CarryOut(p Phases, d Delivery) error {
	x := first{FirstAttempts: f, publisher: &publisher{reporter: &reporter{parts: f.parts}, letters: map[effectID]letter{}}, Phases: p, Delivery: d, key: f.keyOf(d.Event)}
	defer x.publisher.endSpan()
	switch {
	case d.Event.Invalid != nil:
		return x.publisher.refuse(p.write, d.Event, failed(classInvalid, message(d.Event.Invalid)))
	case d.Event.Plan.Skip:
		return nil
	case d.Again:
		return x.takeUp()
	}
	return x.begin()
}

// first is a first attempt of an event.
type first struct {
	*FirstAttempts
	Phases
	Delivery

	publisher  *publisher
	key        string // of the record
	effect     record.Effect
	deadLetter bool // a dead letter was stored
}

// begin makes the attempt, unless the effect has to wait or is out of date.
func (x *first) begin() error {
	now := x.now()
	x.effect = x.newEffect(now)
	if !x.deps.Gate.Allows(Activity) {
		x.effect.Due = now // the owner looks at the gate
		return x.wait()
	}
	if events.Expired(x.Event.Event, now) {
		x.effect.Begun, x.effect.Attempts = now, 1
		return x.finish(record.Outcome{Kind: events.Superseded, At: stamp(now)})
	}
	if x.deps.Gate.Wait(x.stop, Activity) != nil {
		if x.stop.Err() != nil {
			return x.stop.Err()
		}
		x.effect.Due = now // the vendor asked for a rest: the owner looks at the gate
		return x.wait()
	}
	if !x.Mine() { // the process may have been frozen
		return ErrNotMine
	}
	return x.attempt()
}

// newEffect returns the effect of the event before any attempt.
func (x *first) newEffect(now time.Time) record.Effect {
	return record.Effect{
		Key: record.KeyOf(x.Event.Key), Position: x.Event.Message.Position, Type: x.Event.Type, Scope: x.Event.Handler.Scope, Registered: now,
	}
}

// attempt calls the vendor and stores the outcome.
func (x *first) attempt() error {
	profile, err := x.profile(x.write, x.Event)
	if err != nil {
		return err
	}
	began := time.Now()
	x.effect.Begun = x.now()
	x.effect.Tried = true
	x.effect.Attempts = 1
	x.publisher.startSpan(x.call, x.Event, began)
	reply, err := x.do(x.publisher.within(x.call), call{
		event: x.Event, known: handlers.Known{From: x.Event.origin(), Profile: profile}, class: Activity, begin: began.Add(x.config.CallLease),
		user: record.AccountKey(x.vendor.Name, x.Event.Plan.UserID),
	})
	o := outcomeOf(reply, x.now())
	var pause record.Pause
	if err != nil {
		pause, o = judge(x.config, &x.effect, err, x.now())
	}
	o.TookMS = time.Since(began).Milliseconds()
	if o.Kind == "" {
		x.postpone(pause)
		x.publisher.report(x.Event, &x.effect, o, x.effect.Due)
		return x.wait()
	}
	return x.finish(o)
}

// postpone notes in the effect why the attempt did not finish it.
func (x *first) postpone(p record.Pause) {
	nonce := x.nonces.next()
	r := record.Record{Pending: []record.Effect{x.effect}, Claim: &record.Claim{Key: x.effect.Key, Nonce: nonce}}
	r.Postpone(record.Attempt{Key: x.effect.Key, Nonce: nonce}, p)
	x.effect = r.Pending[0]
}

// wait stores the effect as a pending one and sets its timer.
func (x *first) wait() error {
	err := x.create(&record.Record{Pending: []record.Effect{x.effect}})
	if errors.Is(err, ErrStaleRevision) {
		return x.takeUp()
	}
	if err != nil {
		return err
	}
	return x.arm(x.effect.Due)
}

// arm sets the timer of the effect. A converted effect may have no due time.
func (x *first) arm(due time.Time) error {
	if now := x.now(); due.Before(now) {
		due = now
	}
	return x.deps.Timers.Arm(x.write, x.key, due)
}

// finish stores an outcome, after its dead letter, and publishes the result.
func (x *first) finish(o record.Outcome) error {
	if o.Kind == events.Failed {
		if err := x.publisher.addDeadLetter(x.write, x.Event, &x.effect, o); err != nil {
			return err
		}
		x.deadLetter = true
	}
	x.publisher.report(x.Event, &x.effect, o, time.Time{})
	f := record.Finished{Effect: x.effect, Outcome: o, By: x.nonces.next()}
	err := x.create(&record.Record{Finished: []record.Finished{f}})
	if errors.Is(err, ErrStaleRevision) {
		return x.takeUp()
	}
	if err != nil {
		return err
	}
	return x.publisher.result(x.write, x.Event, &f)
}

// storeTries is how often the record of a first attempt is stored. Without the outcome the
// vendor would be called again.
const storeTries = 5

// create stores the record if there is none. A record that was stored though the answer was
// lost is a conflict too.
func (x *first) create(r *record.Record) error {
	encoded, err := r.Encode()
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		_, err = x.deps.Records.Store(x.write, x.key, encoded, 0)
		if err == nil || errors.Is(err, ErrStaleRevision) || try == storeTries || x.write.Err() != nil {
			return err
		}
		pause.For(x.write, 100*time.Millisecond<<try)
	}
}

// takeUp continues as the record says. Without a record, a former delivery may have called the
// vendor: the effect is stored with an unknown outcome, for the owner.
func (x *first) takeUp() error {
	encoded, _, err := x.deps.Records.Load(x.write, x.key)
	switch {
	case err != nil:
		return err
	case len(encoded) == 0:
		now := x.now()
		x.effect = x.newEffect(now)
		x.effect.Begun = now
		x.effect.Due = now
		x.effect.Attempts = 1
		x.effect.Tried = true
		x.effect.Unconfirmed = true
		return x.wait()
	}
	r, err := record.Decode(encoded)
	if err != nil {
		return x.publisher.refuse(x.write, x.Event, failed(classRecord, err.Error()))
	}
	return x.follow(r)
}

// follow sets the timer of a pending effect again, or publishes the result of a finished one
// again. Everything else is finished, with a result that is known to be published.
func (x *first) follow(r *record.Record) error {
	key := record.KeyOf(x.Event.Key)
	if i := slices.IndexFunc(r.Pending, func(e record.Effect) bool { return e.Key == key && e.Replay == 0 }); i >= 0 {
		return x.arm(r.Pending[i].Due)
	}
	i := slices.IndexFunc(r.Finished, func(f record.Finished) bool { return f.Key == key && f.Replay == 0 })
	if i < 0 {
		return nil
	}
	f := &r.Finished[i]
	if err := x.publisher.result(x.write, x.Event, f); err != nil {
		return err
	}
	if x.deadLetter && f.Kind != events.Failed { // another delivery ended well meanwhile
		return x.deps.DeadLetters.RemoveEnded(x.write, x.vendor.Name, f.Type, x.Event.Key, 0)
	}
	return nil
}
