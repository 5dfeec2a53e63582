package handlers

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// Removal is the change of the account of a leaver.
type Removal string

// The removals.
const (
	KeepAccount    Removal = "keep"
	DisableAccount Removal = "disable" // the adapter is a vendors.Disabler
	DeleteAccount  Removal = "delete"
)

// Policy is the part of a team's rules for a vendor that needs no expression. The zero Policy is the
// default. PlanFor enforces all rules of a team.
type Policy struct {
	May []string // kinds of change that are allowed; nil: all. See Handler.Change
	// Shadow says that nothing is changed at the vendor: the adapter only reads.
	Shadow   bool
	OnDelete Removal // of a deleted user; empty: DeleteAccount
	OnLeave  Removal // of a user out of scope; empty: KeepAccount
	// DeleteAfter is the time from the disabling of an account until the deletion; 0: never.
	DeleteAfter time.Duration
	// Match has the keys of look-ups in order, such as vendors.KeyEmail; nil: the order of the adapter.
	Match []string
	Adopt Adopt // accounts from before Usher
	// SkipUnknown says that the deletion of an unknown user ends as skipped, instead of a dead letter.
	SkipUnknown bool
}

// The reasons in the outcome of an effect.
const (
	ReasonMay    = "may"       // the kind of change is not allowed
	ReasonShadow = "shadow"    // Usher changes nothing at the vendor
	ReasonKeep   = "on_delete" // the accounts of deleted users are kept
	ReasonScope  = "scope"     // the user is out of scope
	// ReasonUnknown says that no account of the user is known, nor an e-mail to look for one.
	ReasonUnknown = "on_unknown"
)

// The kinds of change that an update may make of a user who enters or leaves the scope.
const (
	changeCreation = "create"
	changeRemoval  = "delete" // takes the account away
)

// Changes reports whether events of a type may change the vendor.
func (p Policy) Changes(h Handler) bool { return !p.Shadow && p.forbids(h) == "" }

// forbids returns the reason for which the change of a type is not made; "" if allowed.
func (p Policy) forbids(h Handler) string {
	switch {
	case p.OnDelete == KeepAccount && h.Removes:
		return ReasonKeep
	case !p.allows(h.Change):
		return ReasonMay
	}
	return ""
}

// allows reports whether a kind of change is allowed.
func (p Policy) allows(change string) bool {
	return change == "" || p.May == nil || slices.Contains(p.May, change)
}

// skips reports whether the error of a plan only says that Usher changes nothing at the vendor: a
// call was refused, or the account is missing, because the creation was refused before.
func (p Policy) skips(err error) bool {
	return p.Shadow && (errors.Is(err, vendors.ErrReadOnly) || errors.Is(err, ErrNoAccount))
}

// DeletesLater reports whether an account disabled by an event of this type is deleted later.
func (p Policy) DeletesLater(eventType string) bool {
	removal := p.OnDelete
	if eventType != events.UserDeleted {
		removal = p.OnLeave
	}
	return p.DeleteAfter > 0 && removal == DisableAccount
}

// Skipped returns the reply to an event whose change a rule of the team forbids. The reply has no
// account: the record must not say that the vendor has the change.
func (h Handler) Skipped(reason string) Reply {
	return Reply{Outcome: events.Skipped, Action: h.Change, Reason: reason}
}

// Asked reports whether the vendor may have been called for a reply.
func (r Reply) Asked() bool { return r.Outcome != events.Skipped || r.Reason == ReasonShadow }

// PlanFor returns the plan of an event, under the rules of the team.
func (h Handler) PlanFor(v Vendor, e events.Event) (Plan, error) {
	plan, err := h.Plan(v, e)
	if err != nil || plan.Skip {
		return plan, err
	}
	do := plan.Do
	plan.Do = func(ctx context.Context, k Known) (Reply, error) {
		reply, err := h.judge(ctx, v, k, e)
		if err == nil && reply.Outcome == "" {
			reply, err = do(ctx, k)
		}
		if v.Policy.skips(err) {
			return h.Skipped(ReasonShadow), nil
		}
		return reply, err
	}
	return plan, nil
}

// judge returns the reply to an event that the rules keep from the vendor, or to an update that
// takes the user out of scope; otherwise the zero Reply.
func (h Handler) judge(ctx context.Context, v Vendor, k Known, e events.Event) (Reply, error) {
	reply, leaves, err := h.Ruling(v, k, e)
	switch {
	case err != nil:
		return reply, err
	case leaves:
		return v.leave(ctx, k)
	case h.Removes && reply.Outcome == "": // the account goes anyway
		return reply, nil
	}
	return reply, v.undoRemoval(ctx, h, k)
}

// Ruling returns the reply to an event that the rules of the team keep from the vendor, or the zero
// Reply, and whether the event takes away the account of a user out of scope. No vendor is asked.
func (h Handler) Ruling(v Vendor, k Known, e events.Event) (reply Reply, leaves bool, err error) {
	forbidden, mayLeave := v.Policy.forbids(h), k.known() && v.mayLeave(h)
	if forbidden != "" && !mayLeave {
		return h.Skipped(forbidden), false, nil
	}
	reply, err = h.judgeScope(v, k, e)
	switch {
	case err != nil:
		return reply, false, err
	case mayLeave && reply.Reason == ReasonScope && v.Policy.allows(changeRemoval):
		return Reply{}, true, nil
	case mayLeave && reply.Reason == ReasonScope:
		return skippedRemoval(ReasonMay), false, nil
	case forbidden != "" && reply.Outcome == "":
		return h.Skipped(forbidden), false, nil
	}
	return reply, false, nil
}
