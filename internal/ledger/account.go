// Package ledger remembers what was done: one record per (vendor, user), and
// one per (vendor, event) for activity. A record is changed only by
// compare-and-set, and the rules by which it changes are what keeps every
// change at a vendor from being made twice (docs/design.md, section 5).
//
// The rules are plain functions of a record and of what came in (Arrive,
// Confirm, Finish, Release); Book stores what they leave.
package ledger

import (
	"cmp"
	"time"

	"github.com/usherhq/usher/events"
)

// Order is an event's place: the stream's creation time, then its sequence in
// it. A stream that was made anew starts its sequences again, at a later epoch.
type Order struct {
	Epoch int64  `json:"e"`
	Seq   uint64 `json:"s"`
}

// Before tells whether o stands before p.
func (o Order) Before(p Order) bool { return o.Compare(p) < 0 }

// Compare is below zero where o stands before p, and zero where they are one.
func (o Order) Compare(p Order) int {
	return cmp.Or(cmp.Compare(o.Epoch, p.Epoch), cmp.Compare(o.Seq, p.Seq))
}

// Carrier is the one message that may claim an effect, or wait for it.
type Carrier struct {
	Stream string `json:"stream"`
	Order
}

// goneAt tells whether c can never be delivered again once now has been: both
// were in the stream of one name, which was made anew between them.
func (c Carrier) goneAt(now Carrier) bool {
	return c.Stream == now.Stream && c.Epoch < now.Epoch
}

// State is an account's, as far as the ledger knows.
type State string

// The states of an account. The zero value is unknown.
const (
	Unknown State = ""
	Active  State = "active"
	Deleted State = "deleted"
)

// Phase is how far an effect has come.
type Phase string

// The phases of an effect.
const (
	Waiting  Phase = "waiting"  // nothing of it can have reached the vendor
	Started  Phase = "started"  // a vendor may have been called for it
	Finished Phase = "finished" // it has an outcome
)

// Account is the record of one user at one vendor.
type Account struct {
	UserID    string `json:"user_id,omitempty"`
	AccountID string `json:"account_id,omitempty"` // the vendor's
	State     State  `json:"state,omitempty"`
	Life      Order  `json:"life,omitzero"`    // of the last creation, deletion or restoration applied
	Data      Order  `json:"data,omitzero"`    // of the snapshot that the account got last, or had when it was deleted
	Deleted   Order  `json:"deleted,omitzero"` // of the last deletion applied
	// LifeReplay is the replay number of what Life is the order of, for when its
	// effect is forgotten.
	LifeReplay int `json:"life_replay,omitempty"`
	DataReplay int `json:"data_replay,omitempty"` // the same of what Data is the order of
	// Former is the vendor's id of the account that was deleted last: where the
	// vendor still has it, somebody has brought it back.
	Former  string            `json:"former,omitempty"`
	Courses map[string]Course `json:"courses,omitempty"`
	Effects []Effect          `json:"effects,omitempty"`
	Past    []Effect          `json:"past,omitempty"` // finished ones that no rule asks about any more, oldest first; at most MostPast
	Claim   *Claim            `json:"claim,omitempty"`
	// Forgotten is when the user's data were erased from the record last; see Forget.
	Forgotten time.Time `json:"forgotten,omitzero"`
}

// Course is what was last applied to one course of an account.
type Course struct {
	Enrolled bool  `json:"enrolled"`
	Order    Order `json:"order"`
	Replay   int   `json:"replay,omitempty"` // the number of the replay that was applied last
}

// Effect is what one event asks of this account.
type Effect struct {
	Key      string       `json:"key"`
	Type     string       `json:"type"`
	Scope    events.Scope `json:"scope"`
	Course   string       `json:"course,omitempty"`
	Order    Order        `json:"order"`
	Carrier  Carrier      `json:"carrier"`
	Replay   int          `json:"replay,omitempty"` // how often a person sent it back
	Phase    Phase        `json:"phase"`
	Attempts int          `json:"attempts,omitempty"`
	Panics   int          `json:"panics,omitempty"`
	First    time.Time    `json:"first"`          // when it was first taken up
	Begun    time.Time    `json:"begun,omitzero"` // when it was first tried: its age counts from then
	Due      time.Time    `json:"due,omitzero"`   // not to be tried before
	Last     time.Time    `json:"last,omitzero"`  // when it was last tried
	// Unsettled says that a write of this effect may have reached the vendor
	// without an answer: the vendor must be asked before a second one.
	Unsettled bool `json:"unsettled,omitempty"`
	// Prerequisite says that it waits for something that may never come, such as
	// the account of an enrolment; it holds up nobody meanwhile.
	Prerequisite bool     `json:"prerequisite,omitempty"`
	Outcome      *Outcome `json:"outcome,omitempty"`
}

// Outcome is how an effect ended, with all that its result says, so that the
// same result can be published again.
type Outcome struct {
	Kind      string    `json:"kind"`
	AccountID string    `json:"account_id,omitempty"`
	Attempts  int       `json:"attempts"`
	TookMS    int64     `json:"took_ms"`
	At        time.Time `json:"at"`
	Class     string    `json:"class,omitempty"`
	Status    int       `json:"status,omitempty"`
	Message   string    `json:"message,omitempty"`
	By        string    `json:"by,omitempty"` // the claim that wrote it
}

// Claim is the right to call the vendor for this account, held by one delivery
// of one message.
type Claim struct {
	Key      string  `json:"key"`
	Carrier  Carrier `json:"carrier"`
	Delivery uint64  `json:"delivery"`        // how often the server had delivered the message
	Token    string  `json:"token"`           // unique to one delivery in one process
	Taken    bool    `json:"taken,omitempty"` // from another delivery, and not confirmed yet
}

// find returns the effect of an event, or nil.
func (a *Account) find(key string) *Effect {
	for i := range a.Effects {
		if a.Effects[i].Key == key {
			return &a.Effects[i]
		}
	}
	return nil
}

// held tells whether the claim is the one with this token.
func (a *Account) held(token string) bool {
	return a.Claim != nil && a.Claim.Token == token
}

// claims tells whether somebody holds the claim for this event.
func (a *Account) claims(key string) bool {
	return a.Claim != nil && a.Claim.Key == key
}

// MostPast is how many effects of one account are remembered for people alone.
const MostPast = 50

// MostEffects is how many effects of one account the rules remember, where no more
// are unfinished. A record has to fit into a message, and an effect takes up to a
// kilobyte of it. What is forgotten earlier is still kept away by what came after it.
const MostEffects = 500

// prune moves effects that were finished before since to Past, and the oldest
// finished ones where there are more than MostEffects. It forgets unfinished or
// claimed ones that have not been seen for as long: their message is gone.
func (a *Account) prune(since time.Time) {
	kept, over := a.Effects[:0], len(a.Effects)-MostEffects
	for _, e := range a.Effects {
		switch {
		case over > 0 && e.Phase == Finished && !a.claims(e.Key):
			over--
		case e.seen().After(since):
			kept = append(kept, e)
			continue
		case a.claims(e.Key):
			a.Claim = nil
		}
		if e.Phase == Finished {
			a.Past = append(a.Past, e)
		}
	}
	a.Effects = kept
	a.Past = a.Past[max(0, len(a.Past)-MostPast):]
}

// seen is the last time that the effect was dealt with, or is to be.
func (e *Effect) seen() time.Time {
	last := e.First
	for _, t := range []time.Time{e.Due, e.Last} {
		if t.After(last) {
			last = t
		}
	}
	if e.Outcome != nil && e.Outcome.At.After(last) {
		last = e.Outcome.At
	}
	return last
}

// tried tells whether a change of the effect may have reached the vendor. Of one
// account, or of one course of it, no more than one unfinished effect is tried.
func (e *Effect) tried() bool { return e.Phase == Started }

// try notes that an attempt begins.
func (e *Effect) try(now time.Time) {
	if e.Begun.IsZero() { // in records of an older version it may be, whatever was tried
		e.Begun = now
	}
	e.Phase, e.Attempts, e.Last = Started, e.Attempts+1, now
}

// Doubts tells whether a creation, deletion or restoration other than the event's,
// newer than what was applied last, was tried: the vendor may be otherwise than
// the record says. What the vendor cannot do was not tried.
func (a *Account) Doubts(key string) bool {
	for _, e := range a.Effects {
		idle := e.Attempts == 0 || (e.Outcome != nil && e.Outcome.Kind == events.Unsupported)
		if e.Key != key && e.Scope == events.ScopeLifecycle && !idle && a.Life.Before(e.Order) {
			return true
		}
	}
	return false
}
