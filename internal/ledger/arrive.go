package ledger

import (
	"slices"
	"time"

	"github.com/usherhq/usher/events"
)

// Arrival is a message that asks for an effect.
type Arrival struct {
	UserID   string
	Key      string // of the event
	Type     string
	Scope    events.Scope
	Course   string // for InCourse
	Order    Order  // of the event: of its first message, where this one is a replay
	Carrier  Carrier
	Delivery uint64
	Replay   int
	Token    string // unique to this delivery in this process
	Expired  bool   // the event's expirytime has passed
	// Stragglers stand before this message in the stream and may not have been
	// registered by whoever they were delivered to. They are, so that this one waits
	// for them.
	Stragglers []Straggler
	// Held is until when nothing is begun at the vendor, zero where it is not on
	// hold. The effect is registered all the same, so that it keeps its place.
	Held time.Time
	Now  time.Time
	Keep time.Duration // how long finished effects are remembered
}

// Straggler is an effect on the whole account, such as a creation or an update,
// of the same user that is on its way.
type Straggler struct {
	Key   string // of the event
	Type  string
	Scope events.Scope
	Carrier
}

// Step is what the worker does next with a message.
type Step uint8

// The steps.
const (
	Proceed Step = iota // the claim is ours: call the vendor
	Settle              // the claim is ours, taken from a delivery that gave no sign of life: wait, confirm, then call
	Publish             // it has an outcome: publish its result (again), ack
	Dismiss             // another message carries this effect: ack
	Drop                // a newer delivery of this message is at work: neither ack nor negative ack
	Refuse              // its source and id are those of an event of another type
	Wait                // it waits for its time, or for another effect: negative ack until then
)

// Decision is a Step with what belongs to it.
type Decision struct {
	Step   Step
	Effect Effect    // as the record has it now
	Until  time.Time // for Wait: when to come back; zero where no time is known
}

// Arrive applies the rules to a message that came in. What it changes in the
// record counts only once the record has been saved.
func (a *Account) Arrive(m Arrival) Decision {
	if a.UserID == "" && m.Scope != events.ScopeActivity { // who did something is nobody's question
		a.UserID = m.UserID
	}
	a.prune(m.Now.Add(-m.Keep))
	a.await(m)
	e := a.find(m.Key)
	switch {
	case e == nil:
		e = a.register(m)
	case e.Type != m.Type:
		return Decision{Step: Refuse, Effect: *e}
	case a.held(m.Token) && e.Phase != Finished: // our own claim, saved though the answer was lost
		return a.ours(e)
	case e.Phase == Finished && m.Replay > e.Replay:
		if a.claims(m.Key) {
			return Decision{Step: Wait, Effect: *e}
		}
		*e = fresh(m)
	case e.Phase == Finished:
		return a.known(e, m)
	case e.Carrier.goneAt(m.Carrier):
		e.Carrier = m.Carrier
	case e.Carrier != m.Carrier && settling:
		if !e.tried() && m.Order.Before(e.Order) {
			e.Order = m.Order
		}
		return Decision{Step: Dismiss, Effect: *e}
	}
	if a.claims(m.Key) || (a.Claim != nil && a.Claim.Carrier.goneAt(m.Carrier)) {
		return a.takeOver(e, m)
	}
	return a.begin(e, m)
}

// ours answers a message whose claim is in the record already.
func (a *Account) ours(e *Effect) Decision {
	if a.Claim.Taken {
		return Decision{Step: Settle, Effect: *e}
	}
	return Decision{Step: Proceed, Effect: *e}
}

// known answers a message whose effect is finished. Where another delivery
// still holds the claim, the outcome was written for it by one before it, and it
// may be calling the vendor at this moment: as long as that lasts the claim must
// stand, since it keeps newer effects away, and nobody is told what may change yet.
func (a *Account) known(e *Effect, m Arrival) Decision {
	switch {
	case a.held(m.Token):
		a.Claim = nil
	case a.claims(m.Key) && (a.Claim.Carrier == m.Carrier || a.Claim.Carrier.goneAt(m.Carrier)):
		return a.takeOver(e, m)
	case a.claims(m.Key) && settling:
		return Decision{Step: Wait, Effect: *e}
	}
	return Decision{Step: Publish, Effect: *e}
}

// takeOver answers a message whose effect is claimed. Only the same message,
// delivered again, may take the claim: then the server itself says that the
// holder gave no sign of life. (The claim of a message whose stream is no more
// may be taken by any.)
func (a *Account) takeOver(e *Effect, m Arrival) Decision {
	if a.Claim.Carrier == m.Carrier && m.Delivery <= a.Claim.Delivery && settling {
		return Decision{Step: Drop, Effect: *e}
	}
	a.claim(m)
	if !settling {
		e.try(m.Now)
		return Decision{Step: Proceed, Effect: *e}
	}
	a.Claim.Taken = true
	e.Unsettled = e.Phase != Finished
	return Decision{Step: Settle, Effect: *e}
}

// begin claims the effect, or says what it has to wait for.
func (a *Account) begin(e *Effect, m Arrival) Decision {
	if (m.Expired && !e.tried()) || (fencing && a.fenced(e)) {
		e.finish(Outcome{Kind: events.Superseded, Attempts: e.Attempts, At: m.Now, By: m.Token})
		return Decision{Step: Publish, Effect: *e}
	}
	if e.Due.After(m.Now) {
		return Decision{Step: Wait, Effect: *e, Until: e.Due}
	}
	if m.Held.After(m.Now) {
		return Decision{Step: Wait, Effect: *e, Until: m.Held}
	}
	if a.Claim != nil && claiming {
		return Decision{Step: Wait, Effect: *e}
	}
	if other := a.blocker(e); other != nil && claiming {
		return Decision{Step: Wait, Effect: *e, Until: other.Due}
	}
	a.claim(m)
	e.try(m.Now)
	return Decision{Step: Proceed, Effect: *e}
}

// await registers the stragglers that the record does not know. One that is
// older than what was applied already would be superseded: nobody waits for it, nor
// for one that ended so long ago that only people are told of it.
func (a *Account) await(m Arrival) {
	for _, s := range m.Stragglers {
		applied := a.Life
		if s.Scope == events.ScopeUserData {
			applied = latest(a.Data, a.Deleted)
		}
		past := func(e Effect) bool { return e.Key == s.Key }
		if applied.Before(s.Order) && a.find(s.Key) == nil && !slices.ContainsFunc(a.Past, past) {
			a.Effects = append(a.Effects, Effect{Key: s.Key, Type: s.Type, Scope: s.Scope, Order: s.Order, Carrier: s.Carrier, Phase: Waiting, First: m.Now})
		}
	}
}

func latest(o, p Order) Order {
	if o.Before(p) {
		return p
	}
	return o
}

// register adds the effect of an event that the record does not know.
func (a *Account) register(m Arrival) *Effect {
	a.Effects = append(a.Effects, fresh(m))
	return &a.Effects[len(a.Effects)-1]
}

func fresh(m Arrival) Effect {
	return Effect{
		Key: m.Key, Type: m.Type, Scope: m.Scope, Course: m.Course,
		Order: m.Order, Carrier: m.Carrier, Replay: m.Replay, Phase: Waiting, First: m.Now,
	}
}

func (a *Account) claim(m Arrival) {
	a.Claim = &Claim{Key: m.Key, Carrier: m.Carrier, Delivery: m.Delivery, Token: m.Token}
}

// fenced tells whether something newer has been applied already, so that the
// effect must never reach the vendor.
func (a *Account) fenced(e *Effect) bool {
	switch e.Scope {
	case events.ScopeLifecycle:
		return e.Order.Before(a.Life)
	case events.ScopeUserData:
		return e.Order.Before(a.Deleted) || (a.State == Active && e.Order.Before(a.Data))
	case events.ScopeCourse:
		return e.Order.Before(a.Deleted) || e.Order.Before(a.Courses[e.Course].Order)
	default:
		return false
	}
}

// blocker returns the unfinished effect that e has to wait for, or nil.
func (a *Account) blocker(e *Effect) *Effect {
	for i := range a.Effects {
		f := &a.Effects[i]
		idle := f.Phase == Finished || (f.Prerequisite && !f.tried()) || f.Carrier.goneAt(e.Carrier)
		if f.Key != e.Key && !idle && holdsUp(f, e) {
			return f
		}
	}
	return nil
}

// holdsUp tells whether e waits for f, which is about the same account, or the
// same course of it. An effect waits for an older one only until it is tried
// itself, and for a newer one that was tried: so two never wait for each other,
// and never are both on their way to the vendor.
func holdsUp(f, e *Effect) bool {
	same := f.Scope.WholeAccount() || (f.Scope == events.ScopeCourse && e.Scope == events.ScopeCourse && f.Course == e.Course)
	if !same {
		return false
	}
	if f.Order.Before(e.Order) {
		return !e.tried()
	}
	return f.tried()
}
