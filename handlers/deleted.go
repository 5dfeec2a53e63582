package handlers

import (
	"cmp"
	"context"
	"errors"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// UserDeleted handles user.deleted: deletes the user's account. A missing account is success.
func UserDeleted() Handler {
	return Handler{Type: events.UserDeleted, Scope: events.ScopeOf(events.UserDeleted), Change: "delete", Removes: true, Supports: always, Plan: planDeleted}
}

// planDeleted plans a deletion.
func planDeleted(v Vendor, e events.Event) (Plan, error) {
	d, err := data[events.UserDeletedData](e)
	if err != nil {
		return Plan{}, err
	}
	u := vendors.User{ID: d.UserID, Email: d.Email}
	return Plan{UserID: d.UserID, Do: func(ctx context.Context, k Known) (Reply, error) {
		return deprovision(ctx, v, u, k)
	}}, nil
}

// remover returns the port method that takes an account away: disabling or deleting.
func (v Vendor) remover(r Removal) (remove func(context.Context, vendors.Origin, vendors.Account) error, ok bool) {
	if r == DisableAccount {
		p, ok := vendors.Port[vendors.Disabler](v.Adapter)
		if !ok {
			return nil, false
		}
		return p.Disable, true
	}
	p, ok := vendors.Port[vendors.Deprovisioner](v.Adapter)
	if !ok {
		return nil, false
	}
	return p.Delete, true
}

// action returns the step of a removal.
func (r Removal) action() string {
	if r == DisableAccount {
		return events.ActionDisabled
	}
	return events.ActionDeleted
}

// deprovision disables or deletes the account of the record, or else the account with the event's e-mail.
// Without either, deprovision ends as the team says of unknown users, and returns ErrNoAccount if a
// creation may still have made an account. For a user already deleted nothing is looked up: the address may belong to
// another user by now. If another lifecycle event was attempted since and no account is found,
// the account deleted last is deleted once more, because it may have been restored. A disabled
// account is deleted by a further deletion, once deletions no longer disable.
func deprovision(ctx context.Context, v Vendor, u vendors.User, k Known) (Reply, error) {
	removal := v.Policy.OnDelete
	remove, ok := v.remover(removal)
	if !ok {
		return unsupported, nil
	}
	account, by := k.Account, k.matchedBy(v.Adapter)
	deletes := k.Disabled && removal != DisableAccount
	if k.Gone && !k.UnconfirmedLifecycle && !deletes {
		return Reply{Outcome: events.AlreadyDone, Action: events.ActionNone, Disabled: k.Disabled}, nil
	}
	if deletes && !k.UnconfirmedLifecycle {
		account, by = vendors.Account{ID: k.PreviousAccountID}, events.MatchedByRecord
	} else if !k.known() {
		found, foundBy, err := v.search(ctx, u)
		if errors.Is(err, ErrForeign) && !k.UnconfirmedLifecycle { // the user has no account
			err = ErrNoAccount
		}
		switch {
		case errors.Is(err, ErrNoAccount) && k.Gone && k.PreviousAccountID != "":
			found = vendors.Account{ID: k.PreviousAccountID}
		case errors.Is(err, ErrNoAccount) && (u.Email != "" || k.Gone):
			return Reply{Outcome: k.found(), Action: k.action(removal.action())}, nil
		case errors.Is(err, ErrNoAccount) && !k.UnconfirmedLifecycle && v.Policy.SkipUnknown:
			return Reply{Outcome: events.Skipped, Action: changeRemoval, Reason: ReasonUnknown}, nil
		case errors.Is(err, ErrNoAccount) && !k.UnconfirmedLifecycle:
			return Reply{}, ErrUnknownUser
		case err != nil:
			return Reply{}, err
		}
		account, by = found, cmp.Or(foundBy, events.MatchedByRecord)
	}
	account.Email = u.Email
	if err := k.reserve(ctx, account); err != nil {
		return Reply{}, err
	}
	r := Reply{Outcome: events.Done, Account: account, Action: removal.action(), MatchedBy: by, Disabled: removal == DisableAccount}
	return r.with(perhapsChanged(remove(ctx, k.From, account)))
}
