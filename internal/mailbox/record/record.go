// Package record holds the record of one user at one vendor, and the rules of changes. The
// record knows the account, the registered and unfinished events, the claim of the call in
// flight, and the recently finished events: references, never the events.
//
// The rules are plain functions of a record: Register, Next, Finish, Postpone, RemovePublished.
// A change counts once a store has accepted the record by compare-and-set.
package record

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
)

// later returns the later of two positions.
func later(p, q events.Position) events.Position {
	if p.Before(q) {
		return q
	}
	return p
}

// Key identifies an event within the record of one user: the first 16 hex digits of
// the event key (events.Key).
type Key uint64

// KeyOf returns the Key of an event key.
func KeyOf(eventKey string) Key {
	n, err := strconv.ParseUint(eventKey[:min(16, len(eventKey))], 16, 64)
	if err != nil {
		return 0
	}
	return Key(n)
}

// String returns the 16 hex digits of the Key.
func (k Key) String() string { return fmt.Sprintf("%016x", uint64(k)) }

// State is the state of an account, as far as the record says.
type State string

// The states of an account. The zero value is unknown.
const (
	Unknown State = ""
	Active  State = "active"
	Deleted State = "deleted"
)

// Record is the record of one user at one vendor. The zero value is the record of a
// user of whom nothing is known.
type Record struct {
	UserID    string
	AccountID string // the vendor's id
	State     State
	Lifecycle events.Position // of the last applied creation, deletion or restoration
	Data      events.Position // of the last snapshot of the account
	Deleted   events.Position // of the last applied deletion
	// LifecycleReplay and DataReplay are the replay numbers of Lifecycle and Data.
	LifecycleReplay, DataReplay int
	// Attempted is the position of the newest lifecycle event that was attempted and ended
	// without being applied. The vendor may have carried the event out all the same.
	Attempted events.Position
	// Former is the vendor's id of the last deleted account.
	Former string
	// Indexed says that the index of accounts names the record for AccountID. Records of a
	// former version lack the mark.
	Indexed bool
	// Undeleted says that the vendor cannot delete: the account Former is still there.
	Undeleted bool
	// Disabled says that the account Former is disabled and not deleted.
	Disabled bool
	// PerhapsRemoved says that an attempt may have disabled or deleted the account, and that the
	// removal was not confirmed. Newer data or other rules may have ended the removal since.
	PerhapsRemoved bool
	// Registered is the position up to which every event of the user is registered: pending,
	// finished, or without need of a change.
	Registered events.Position
	// Rejected is the last position of events that may have been rejected for want of room. A
	// rejection may have got lost after the dead letter was stored.
	Rejected events.Position
	Courses  map[string]Course
	Missed   []string        // dead letters that wait for an account; see Miss
	Sent     []SentTimes     // of sources in the order of the sender's time
	Pending  Effects         // in the order of the stream
	Finished FinishedEffects // until the results are known to be published
	Claim    *Claim
	// Failure is the last failed attempt, for people. Only that of a pending effect is stored.
	Failure Failure
	// Token is the highest fencing token of all owners in the record.
	Token uint64
	Seen  Seen
	// Forgotten is the time at which the user's data were erased last; see Forget.
	Forgotten time.Time
	// Converted means that Decode read a record of a former version, and that the present form
	// is not stored yet.
	Converted bool
}

// Course is the last applied change of one course of the account.
type Course struct {
	Enrolled bool
	Position events.Position
	Replay   int
	Sent     Sent
}

// MostFinished is the most unpublished finished effects in a record, beside attempted effects. So
// neither thousands of effects, superseded by a deletion, nor unpublishable results outgrow
// HeadRoom.
const MostFinished = 64

// Effect is the change that one event asks of the account.
type Effect struct {
	Key       Key
	Replay    int             // number of the replay by a person; 0: the event itself
	Position  events.Position // of the event, also for a replay: order and fence of the effect
	ReplaySeq uint64          // for a replay: the sequence of the message in the stream of replays
	Type      string
	Scope     events.Scope
	Course    string // for events.ScopeCourse
	Content   Content
	Sent      Sent

	Registered time.Time
	Begun      time.Time // the first attempt; the age of the effect counts from here
	Due        time.Time // no attempt before; zero: at once
	Attempts   int
	Strikes    int // attempts with a panic of the handler, an unreadable response, or an account of another user
	// Tried says that a change may have reached the vendor in an attempt.
	Tried bool
	// Unconfirmed says that the outcome of an attempt is unknown: the vendor must be
	// asked before a second change.
	Unconfirmed bool
	// Prerequisite says that the effect waits for an account. The effect blocks no other
	// effect until tried.
	Prerequisite bool
	// Held says that a person has to approve the deletion first.
	Held bool
	// Later marks the later deletion of an account that an event has disabled; see later.go.
	Later bool
	// Origin describes the event of a later deletion: the event may have left the stream.
	Origin string
}

// Delivered reports whether the message of the effect can be read. The sequence of a replay
// from the former core is known once the replay is delivered again.
func (e *Effect) Delivered() bool { return e.Replay == 0 || e.ReplaySeq > 0 }

// Outcome is the end of an effect, with everything for the same result at each publication.
type Outcome struct {
	Kind      string // by the package events
	AccountID string
	TookMS    int64
	At        time.Time
	Class     string // of a failure
	Status    int
	Message   string
	Action    string // as in events.Result, with MatchedBy, Changed and Reason
	MatchedBy string
	Changed   string // the names, joined by commas
	Reason    string
}

// ChangedFields returns the names in Changed.
func (o Outcome) ChangedFields() []string {
	if o.Changed == "" {
		return nil
	}
	return strings.Split(o.Changed, ",")
}

// Finished is an effect with an outcome.
type Finished struct {
	Effect
	Outcome
	// Publish says that the position of the event may be committed already. The result is
	// then published by the next turn of the user, in any process. Without the flag the turn of
	// the outcome holds the position back until the result is out.
	Publish bool
	// By is the nonce of the attempt with the outcome; empty without an attempt.
	By string
}

// Claim is the right to call the vendor for the account.
type Claim struct {
	Key    Key
	Replay int
	Token  uint64 // fencing token of the owner
	Nonce  string // of the attempt
	// Taken says that the claim was taken over from a former owner with a possible call in
	// flight.
	Taken bool
	// Removes says that the rules of the team let the effect disable or delete the account.
	Removes bool
}

// Is reports whether the claim is for an effect. A nil claim is for none.
func (c *Claim) Is(key Key, replay int) bool {
	return c != nil && c.Key == key && c.Replay == replay
}

// Effects is a list of effects.
type Effects []Effect

// find returns an effect of the list, or nil.
func (list Effects) find(key Key, replay int) *Effect {
	for i := range list {
		if list[i].Key == key && list[i].Replay == replay {
			return &list[i]
		}
	}
	return nil
}

// insert adds an effect behind all effects at or before the position.
func (list *Effects) insert(e Effect) {
	at := len(*list)
	for at > 0 && e.Position.Before((*list)[at-1].Position) {
		at--
	}
	*list = slices.Insert(*list, at, e)
}

// remove takes an effect out of the list.
func (list *Effects) remove(key Key, replay int) {
	*list = slices.DeleteFunc(*list, func(e Effect) bool { return e.Key == key && e.Replay == replay })
}

// FinishedEffects is a list of finished effects.
type FinishedEffects []Finished

// find returns an effect of the list, or nil.
func (list FinishedEffects) find(key Key, replay int) *Finished {
	for i := range list {
		if list[i].Key == key && list[i].Replay == replay {
			return &list[i]
		}
	}
	return nil
}

// Has reports whether the effect is pending, finished, or known to have finished.
func (r *Record) Has(key Key, replay int) bool {
	_, ended := r.Ended(key, replay)
	return ended || r.Pending.find(key, replay) != nil
}

// Ended returns the outcome of a finished effect, and whether the effect has
// finished. If the result was published long ago, only failure is known: any other outcome is
// Done.
func (r *Record) Ended(key Key, replay int) (outcome string, ok bool) {
	if f := r.Finished.find(key, replay); f != nil {
		return f.Kind, true
	}
	seen, ok := r.Seen.find(key, replay)
	switch {
	case !ok:
		return "", false
	case seen.Type&failedBit != 0:
		return events.Failed, true
	}
	return events.Done, true
}

// Unfinished reports whether a record needs a turn: an effect is pending, a dead letter has to be sent
// back, or a result may be unpublished. The unpublished effects of a converted record come again without
// a turn, since the messages were not acknowledged.
func Unfinished(r *Record) bool {
	return len(r.Pending) > 0 || r.HasReturns() || (len(r.Finished) > 0 && !r.Converted)
}

// Idle reports whether no effect is pending or claimed, beside a later deletion in its grace.
// Only then does the record say in which state the account was left.
func (r *Record) Idle() bool {
	return r.Claim == nil && !slices.ContainsFunc(r.Pending, func(e Effect) bool { return !e.inGrace() })
}

// Clone returns a deep copy.
func (r *Record) Clone() *Record {
	c := *r
	c.Pending = slices.Clone(r.Pending)
	c.Finished = slices.Clone(r.Finished)
	c.Seen = slices.Clone(r.Seen)
	c.Courses = maps.Clone(r.Courses)
	c.Sent = slices.Clone(r.Sent)
	c.Missed = slices.Clone(r.Missed)
	if r.Claim != nil {
		claim := *r.Claim
		c.Claim = &claim
	}
	return &c
}
