// Package handlers defines the vendor calls of each event type. A handler is a function from
// values to values: Handler.Plan reads an event, and Plan.Do calls the vendor through the ports
// (vendors/ports.go). A handler cannot acknowledge, publish, wait or log; the core does.
package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// ErrNoAccount means that no account of the user is known at the vendor: the effect waits for
// an account.
var ErrNoAccount = errors.New("the user has no account at this vendor yet")

// ErrUnknownUser is an ErrNoAccount without a wait: no event has made an account here, and
// nothing but an e-mail finds an account from before.
var ErrUnknownUser = fmt.Errorf("%w: a deletion without e-mail finds no account that Usher has not made; send the e-mail, or set on_unknown", ErrNoAccount)

// ErrChanged marks a failed attempt with a change at the vendor before the failure.
var ErrChanged = errors.New("the vendor was changed")

// Handler is the handling of one event type.
type Handler struct {
	Type  string       // the event type
	Scope events.Scope // events.ScopeOf(Type)
	// Change is the kind of change of the type, such as create; "" for a type a team cannot
	// forbid.
	Change string
	// Removes marks a type whose events delete the account. The deletion guard can stop such
	// events.
	Removes bool
	// Snapshot marks a type whose events have all known data of the user. The vendor has the
	// data once the outcome is done.
	Snapshot bool
	// Ends marks a type, of scope ScopeCourse, that ends an enrolment.
	Ends bool
	// Supports reports whether a vendor can have anything to do with the type. Other vendors
	// get no consumer for the type.
	Supports func(adapter vendors.Adapter) bool
	// Plan reads the event and returns the change at the vendor, without any call. An error is
	// a fault of the event, and permanent.
	Plan func(v Vendor, e events.Event) (Plan, error)
}

// Idle reports whether a vendor takes no part in the events of the type that do not name the vendor:
// the vendor cannot enrol.
func (h Handler) Idle(adapter vendors.Adapter) bool {
	return h.Scope == events.ScopeCourse && !enrolls(adapter)
}

// Vendor is the vendor of a plan.
type Vendor struct {
	Name    string
	Adapter vendors.Adapter // implements some of the ports
	Policy  Policy          // of the team
	Rules   Rules           // of the team; nil: none
}

// Plan is the change for one event at one vendor.
type Plan struct {
	UserID string
	Course string // our course id, for ScopeCourse
	// Skip means that the vendor does not take part: no effect and no result. Beside an error the
	// vendor does not take part, and the event is at fault for all vendors.
	Skip bool
	// Do makes the change. Do may be called again after a failure. Beside the error of a change
	// the Reply says which step failed.
	Do func(ctx context.Context, k Known) (Reply, error)
}

// Known is the state of the record for a plan.
type Known struct {
	From                 vendors.Origin
	Account              vendors.Account // account of the user; the ID is empty if unknown
	Active               bool            // whether the account exists
	Gone                 bool            // whether a deletion was the last lifecycle event applied
	UnconfirmedLifecycle bool            // whether a newer lifecycle event was attempted, so the vendor may differ
	PreviousAccountID    string          // vendor's id of the account deleted last, or ""
	Disabled             bool            // whether the account PreviousAccountID is disabled, and not deleted
	Enrolled             bool            // whether the account is in the course, for ScopeCourse
	Outdated             bool            // whether the account has a newer snapshot than the event
	// Unconfirmed means that an earlier attempt may have reached the vendor: a change found at
	// the vendor counts as ours.
	Unconfirmed bool
	// PerhapsRemoved means that an attempt may have disabled or deleted the account, and was not
	// confirmed.
	PerhapsRemoved bool
	// Profile is set if the vendor has rules.
	Profile Profile
	// Reserve, if set, is called before each change of an account. An error means that another
	// user holds the account, and the change must not be made.
	Reserve func(ctx context.Context, a vendors.Account) error
	// MayRemove, if set, is called before an event of a type without Removes deletes or disables an
	// account, and before any other change for the event. The deletion guard counts the removal.
	// An error means that the removal must not be made now.
	MayRemove func(ctx context.Context) error
}

// Reply is the result of a plan.
type Reply struct {
	Outcome string // events.Done, AlreadyDone, Unsupported or Skipped
	// Action, MatchedBy and Changed are as in events.Result. Without a step, as for Unsupported,
	// all are empty.
	Action    string
	MatchedBy string
	Changed   []string
	Reason    string // the rule of the team behind the outcome, such as ReasonScope
	Account   vendors.Account
	Found     bool // for a creation: the account existed, possibly with other data
	Disabled  bool // for a removal: the account is disabled, and may be enabled again
	Left      bool // an event that is no deletion has taken the account away
}

// with returns the reply to a change with this error: beside an error, only the step.
func (r Reply) with(err error) (Reply, error) {
	if err != nil {
		return Reply{Action: r.Action, MatchedBy: r.MatchedBy, Changed: r.Changed}, err
	}
	return r, nil
}

// found returns the outcome for a change found at the vendor: already done, or done if an
// earlier attempt may have made the change.
func (k Known) found() string {
	if k.Unconfirmed {
		return events.Done
	}
	return events.AlreadyDone
}

// action returns the step for a change found at the vendor: none, or the step of an earlier
// attempt that may have made the change.
func (k Known) action(step string) string {
	if k.Unconfirmed {
		return step
	}
	return events.ActionNone
}

// known reports whether the record has an existing account.
func (k Known) known() bool { return k.Active && k.Account.ID != "" }

// reserve returns an error if another user holds the account.
func (k Known) reserve(ctx context.Context, a vendors.Account) error {
	if k.Reserve == nil || a.ID == "" {
		return nil
	}
	return k.Reserve(ctx, a)
}

// matchedBy returns how the account of the record is found.
func (k Known) matchedBy(adapter vendors.Adapter) string {
	if _, ours := vendors.Port[vendors.Addresser](adapter); ours {
		return events.MatchedByUserID
	}
	return events.MatchedByRecord
}

// unsupported is the reply for a missing port.
var unsupported = Reply{Outcome: events.Unsupported}

// data decodes the data of an event. The schema has been checked, so an error is a defect of
// Usher.
func data[D any](e events.Event) (D, error) {
	var d D
	if err := json.Unmarshal(e.Data(), &d); err != nil {
		return d, fmt.Errorf("read data: %w", err)
	}
	return d, nil
}

// object returns a JSON object verbatim, or nil for an empty object. Decoding into a map would
// change integers above 2^53.
func object(raw json.RawMessage) json.RawMessage {
	if len(raw) <= len("{}") {
		return nil
	}
	return raw
}

// always reports true for every vendor.
func always(vendors.Adapter) bool { return true }
