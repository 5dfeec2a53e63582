package record

import (
	"time"

	"github.com/usherhq/usher/events"
)

// Action is the next step of a turn.
type Action uint8

// The actions.
const (
	// Wait: nothing may be called before Decision.Due.
	Wait Action = iota
	// Call: the record claims the effect; call the vendor once the record is stored.
	Call
	// AwaitHolder: the claim is taken over from a former owner. Nothing is called before
	// Decision.Due, since the call of the former owner may still be in flight.
	AwaitHolder
	// StepDown: a newer owner wrote the record.
	StepDown
)

// Decision is an action with parameters.
type Decision struct {
	Action Action
	Effect Effect    // for Call and AwaitHolder
	Due    time.Time // earliest time of the next step; zero: nothing is pending
}

// Owner is the owner of the vendor, as the rules need an owner.
type Owner struct {
	Token uint64 // fencing token
	Nonce string // of the attempt under the next claim; unique
	// HolderGone is the end of all calls of former owners: the start of the ownership, the
	// call lease and the call timeout.
	HolderGone time.Time
	// CallsAllowed is false while the vendor is on hold or paused, and while the turn must
	// not call for another reason.
	CallsAllowed bool
	// FirstLook is how long a change of an account unknown to the record waits for
	// the creation of the account before the vendor is asked; negative: the vendor needs
	// no account.
	FirstLook time.Duration
	// Removes reports whether an effect of a type may disable or delete the account; nil: none may.
	Removes func(eventType string) bool
	// HeldDue makes held deletions due at once.
	HeldDue bool
	// Dropped is the time before which all registered deletions are dropped: those are due at once too.
	Dropped time.Time
	// Grace is the time from the disabling of an account until the later deletion; 0: no account
	// is deleted later, and a later deletion keeps its due time.
	Grace time.Duration
}

// IsFormer reports whether an owner with a higher fencing token wrote the record.
func (o Owner) IsFormer(r *Record) bool { return Fencing && r.Token > o.Token }

// Next decides the next step of the turn and changes the record accordingly: Next
// finishes superseded effects, defers effects without an account, and claims the
// effect to call. now is the time of the server.
func (r *Record) Next(now time.Time, o Owner) Decision {
	if o.IsFormer(r) {
		return Decision{Action: StepDown}
	}
	r.Token = o.Token
	if r.Claim != nil {
		if d, ok := resume(r, now, o); ok {
			return d
		}
	}
	p := schedule(r, now, o)
	if p.chosenAt < 0 || !o.CallsAllowed {
		return Decision{Action: Wait, Due: p.at}
	}
	return claim(r, &r.Pending[p.chosenAt], now, o)
}

// claim claims the effect for an attempt.
func claim(r *Record, e *Effect, now time.Time, o Owner) Decision {
	if e.Begun.IsZero() {
		e.Begun = now
	}
	e.Tried, e.Attempts = true, e.Attempts+1
	r.Claim = &Claim{
		Key: e.Key, Replay: e.Replay, Token: o.Token, Nonce: o.Nonce,
		Removes: r.State == Active && o.Removes != nil && o.Removes(e.Type),
	}
	return Decision{Action: Call, Effect: *e}
}

// resume continues with the effect under the claim. resume returns false if the claim is void.
func resume(r *Record, now time.Time, o Owner) (Decision, bool) {
	e := r.Pending.find(r.Claim.Key, r.Claim.Replay)
	switch {
	case e == nil && r.Claim.Token < o.Token && now.Before(o.HolderGone): // finished by an earlier attempt
		return Decision{Action: AwaitHolder, Due: o.HolderGone}, true
	case e == nil:
		r.Claim = nil
		return Decision{}, false
	case r.Claim.Token < o.Token:
		r.Claim = &Claim{Key: e.Key, Replay: e.Replay, Token: o.Token, Nonce: o.Nonce, Taken: true, Removes: r.Claim.Removes}
	}
	// Either the claim was just taken over, or an attempt of this owner ended without a
	// stored outcome. Both leave the outcome unknown.
	e.Unconfirmed = true
	r.doubtRemoval()
	if awaitsHolder && r.Claim.Taken && now.Before(o.HolderGone) {
		return Decision{Action: AwaitHolder, Effect: *e, Due: o.HolderGone}, true
	}
	if !o.CallsAllowed {
		return Decision{Action: Wait, Effect: *e, Due: now}, true
	}
	return claim(r, e, now, o), true
}

// pass is a pass over the pending effects.
type pass struct {
	chosenAt int       // index of the first callable effect; -1: none
	at       time.Time // earliest time of a call

	accountComing bool            // a creation of the account is pending
	wholePending  bool            // an effect on the whole account is pending, beside later deletions
	wholeBefore   bool            // an effect on the whole account is pending before
	courseBefore  map[string]bool // the same of a course
	wholeTried    int             // tried effects on the whole account, from the present effect on
	courseTried   map[string]int
	stillPending  []Effect
	now           time.Time
	owner         Owner
	accountNeeded bool
}

// schedule goes once over the pending effects in the order of the stream: schedule finishes
// superseded effects, MostFinished at a time, defers effects without an account, and finds the
// effect to call.
func schedule(r *Record, now time.Time, o Owner) pass {
	p := pass{
		chosenAt: -1, now: now, owner: o,
		accountNeeded: o.FirstLook >= 0 && r.State == Unknown, accountComing: r.accountComing(),
	}
	for i := range r.Pending {
		e := &r.Pending[i]
		p.countTried(e, 1)
		p.wholePending = p.wholePending || (e.precedesLater() && !fenced(r, e))
	}
	p.stillPending = r.Pending[:0]
	for i := range r.Pending { // by reference, since an effect is large
		e := &r.Pending[i]
		p.countTried(e, -1)
		switch {
		case !fenced(r, e):
			p.visit(e)
		case len(r.Finished) < MostFinished:
			r.Finished = append(r.Finished, Finished{
				Effect: *e, Outcome: superseded(r, e, now), Publish: true,
			})
			continue
		default: // later, once the present results are published
			p.earliest(now)
		}
		p.stillPending = append(p.stillPending, *e)
	}
	r.Pending = p.stillPending
	return p
}

// decided reports whether a held deletion need not wait any more.
func (o Owner) decided(e *Effect) bool {
	return e.Held && (o.HeldDue || e.Registered.Before(o.Dropped))
}

// visit decides about one pending effect, and remembers the part of the account that later
// effects have to wait for.
func (p *pass) visit(e *Effect) {
	e.setDue(p.owner.Grace)
	if !p.blocked(e) {
		if p.accountNeeded && e.Scope != events.ScopeLifecycle && !e.Prerequisite && e.Attempts == 0 {
			e.Prerequisite, e.Due = true, e.Registered.Add(p.owner.FirstLook)
		}
		switch {
		case p.accountComing && e.awaitsAccount(): // the end of the creation decides
		case e.Due.After(p.now) && !p.owner.decided(e):
			p.earliest(e.Due)
		case p.chosenAt < 0:
			p.chosenAt = len(p.stillPending)
			p.earliest(p.now)
		}
	}
	if e.yields() {
		return
	}
	if e.Scope.WholeAccount() {
		p.wholeBefore = true
	} else {
		if p.courseBefore == nil { // most users wait for nothing
			p.courseBefore = map[string]bool{}
		}
		p.courseBefore[e.Course] = true
	}
}

// awaitsAccount reports whether an untried effect waits for an account.
func (e *Effect) awaitsAccount() bool { return e.Prerequisite && !e.Tried }

// accountComing reports whether a creation of the account is pending.
func (r *Record) accountComing() bool {
	for i := range r.Pending {
		if e := &r.Pending[i]; e.creates() && !fenced(r, e) {
			return true
		}
	}
	return false
}

func (e *Effect) creates() bool { return e.Type == events.UserCreated && !e.Prerequisite }

// blocked reports whether another effect on the same part of the account has to end
// first: an earlier effect until e is tried, and a later tried effect. So two effects never
// wait for each other, and are never in flight together.
func (p *pass) blocked(e *Effect) bool {
	course := !e.Scope.WholeAccount()
	if p.wholeTried > 0 || (course && p.courseTried[e.Course] > 0) || (e.inGrace() && p.wholePending) {
		return true
	}
	return !e.Tried && (p.wholeBefore || (course && p.courseBefore[e.Course]))
}

func (p *pass) countTried(e *Effect, n int) {
	switch {
	case !e.Tried:
	case e.Scope.WholeAccount():
		p.wholeTried += n
	default:
		if p.courseTried == nil {
			p.courseTried = map[string]int{}
		}
		p.courseTried[e.Course] += n
	}
}

func (p *pass) earliest(t time.Time) {
	if p.at.IsZero() || t.Before(p.at) {
		p.at = t
	}
}

// fenced reports whether a newer change has been applied already: the effect must never reach
// the vendor.
func fenced(r *Record, e *Effect) bool { return isBehind(r, e) || isLate(r, e) }

// isBehind reports whether a newer change by position has been applied already.
func isBehind(r *Record, e *Effect) bool {
	if e.Later && r.hasReturned(e) {
		return true
	}
	switch e.Scope {
	case events.ScopeLifecycle:
		return e.Position.Before(r.Lifecycle)
	case events.ScopeUserData:
		return e.Position.Before(r.Deleted) || (r.State == Active && e.Position.Before(r.Data))
	default:
		return e.Position.Before(r.Deleted) || e.Position.Before(r.Courses[e.Course].Position)
	}
}

// Blocker returns the effect that keeps a pending effect from the next attempt: the effect under
// the claim, or an effect that has to end first. Blocker returns false if there is none.
func Blocker(r *Record, key Key, replay int) (Effect, bool) {
	e := r.Pending.find(key, replay)
	if e == nil {
		return Effect{}, false
	}
	if r.Claim != nil && !r.Claim.Is(key, replay) {
		if other := r.Pending.find(r.Claim.Key, r.Claim.Replay); other != nil {
			return *other, true
		}
	}
	behind := false
	for i := range r.Pending {
		other := &r.Pending[i]
		switch {
		case other == e:
			behind = true
		case other.blocks(e, behind) && !fenced(r, other):
			return *other, true
		}
	}
	return Effect{}, false
}

// blocks reports whether e has to end before other may be attempted. behind says: e
// stands behind other in the stream. The rule is the rule of pass.blocked, for two effects.
func (e *Effect) blocks(other *Effect, behind bool) bool {
	if e.creates() && other.awaitsAccount() {
		return true
	}
	course := !other.Scope.WholeAccount()
	if !e.Scope.WholeAccount() && (!course || e.Course != other.Course) {
		return false
	}
	switch {
	case other.inGrace():
		return e.precedesLater() || e.Tried
	case behind:
		return e.Tried
	}
	return !other.Tried && !e.yields()
}
