// Package handlers says what each event type asks of any vendor. A handler is a
// value in, a value out: it plans an event for a vendor, and the plan, when it
// is carried out, calls the vendor through its ports (vendors/ports.go). It cannot
// acknowledge, publish, wait or log; that is the core's.
package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// ErrNoAccount says that the user has no account at the vendor yet, as far as
// anyone can tell: the effect waits for one.
var ErrNoAccount = errors.New("the user has no account at this vendor yet")

// Handler is what usher does with one event type.
type Handler struct {
	Type  string       // of the events it takes
	Scope events.Scope // required
	// Removes says that the account is gone when an event of this type was carried
	// out: it is what the safety stop for deletions holds.
	Removes bool
	// Snapshot says that an event of this type has all that is known of the user,
	// and that the vendor holds it once the outcome is done.
	Snapshot bool
	// Ends says, of a type for a course, that the account is then out of the course.
	Ends bool
	// Takes tells whether a vendor has anything to do with this type at all. A
	// vendor that has not gets no consumer for it.
	Supports func(adapter vendors.Adapter) bool
	// Plan reads the event and says what it asks of the vendor. An error is the
	// event's fault and permanent. It calls nobody.
	Plan func(v Vendor, e events.Event) (Plan, error)
}

// Vendor is the vendor a plan is made for.
type Vendor struct {
	Name    string
	Adapter vendors.Adapter // its adapter: has the methods of some of the ports
}

// Plan is what one event asks of one vendor.
type Plan struct {
	UserID string
	Course string // for a course: our id of it
	// Skip says that the vendor does not take part: there is no effect and no result.
	Skip bool
	// Do makes the change. It may be called again after a failure.
	Do func(ctx context.Context, k Known) (Reply, error)
}

// Known is what the record knows when a plan is carried out.
type Known struct {
	From                 vendors.Origin
	Account              vendors.Account // the user's account; its ID is empty where none is known
	Active               bool            // whether that account is there
	Gone                 bool            // whether the last thing applied was its deletion
	UnconfirmedLifecycle bool            // whether a creation since then may have been made without our knowing
	PreviousAccountID    string          // the vendor's id of the account that was deleted last; empty where there is none
	Enrolled             bool            // for a course: whether it is in the course already
	Outdated             bool            // whether the account got a newer snapshot than the event has
	// Unsettled says that an earlier attempt may have reached the vendor: what is
	// found there counts as done by us.
	Unconfirmed bool
	// Reserve, if set, is called before a change of an account. Its error says that another
	// user holds the account: the vendor must not be asked for the change.
	Reserve func(ctx context.Context, a vendors.Account) error
}

// Reply is what came of a plan.
type Reply struct {
	Outcome string // one of the events package's
	Account vendors.Account
	Found   bool // for a creation: the account was there, whoever made it and whatever it holds
}

// found is the outcome for what was there before we did anything: already done,
// or done where it may have been us.
func (k Known) found() string {
	if k.Unconfirmed {
		return events.Done
	}
	return events.AlreadyDone
}

// known tells whether the record has an account that is there.
func (k Known) known() bool { return k.Active && k.Account.ID != "" }

// reserve makes sure that no other user holds the account.
func (k Known) reserve(ctx context.Context, a vendors.Account) error {
	if k.Reserve == nil || a.ID == "" {
		return nil
	}
	return k.Reserve(ctx, a)
}

var unsupported = Reply{Outcome: events.Unsupported}

// data reads an event's data. The schema has been checked, so an error here is
// one of ours.
func data[D any](e events.Event) (D, error) {
	var d D
	if err := json.Unmarshal(e.Data(), &d); err != nil {
		return d, fmt.Errorf("read data: %w", err)
	}
	return d, nil
}

// object is a member of the data that vendors get as it came: read into a map, whole
// numbers beyond 2^53 would change. It is nil where there is nothing in it.
func object(raw json.RawMessage) json.RawMessage {
	if len(raw) <= len("{}") {
		return nil
	}
	return raw
}

func always(vendors.Adapter) bool { return true }

// locate returns the account that the record knows, or finds one, and reserves it. Of a
// deleted user there is none, and nobody is looked for: the address may be another's.
func locate(ctx context.Context, adapter vendors.Adapter, u vendors.User, k Known) (vendors.Account, error) {
	account := vendors.Account{ID: k.Account.ID, Email: u.Email}
	if !k.known() {
		if k.Gone {
			return vendors.Account{}, ErrNoAccount
		}
		found, err := search(ctx, adapter, u)
		if err != nil {
			return found, err
		}
		account = found
	}
	return account, k.reserve(ctx, account)
}

// search finds the account of a user whom the record does not know: the one
// that the vendor keeps under our id, or the one with exactly the user's e-mail.
func search(ctx context.Context, adapter vendors.Adapter, u vendors.User) (vendors.Account, error) {
	if p, ok := adapter.(vendors.Addresser); ok {
		return p.AccountOf(u.ID), nil
	}
	p, ok := adapter.(vendors.Finder)
	if !ok || u.Email == "" {
		return vendors.Account{}, ErrNoAccount
	}
	a, err := p.Find(ctx, u)
	if errors.Is(err, vendors.ErrNotFound) {
		return a, ErrNoAccount
	}
	return a, err
}
