package handlers

import (
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
		return deprovision(ctx, v.Adapter, u, k)
	}}, nil
}

// deprovision deletes the account of the record, or else the account with the event's e-mail.
// Without either, deprovision returns ErrNoAccount rather than success, because a creation may
// be on its way. For a user already deleted nothing is looked up: the address may belong to
// another user by now. If another lifecycle event was attempted since and no account is found,
// the account deleted last is deleted once more, because it may have been restored.
func deprovision(ctx context.Context, adapter vendors.Adapter, u vendors.User, k Known) (Reply, error) {
	p, ok := adapter.(vendors.Deprovisioner)
	if !ok {
		return unsupported, nil
	}
	account := k.Account
	if k.Gone && !k.UnconfirmedLifecycle {
		return Reply{Outcome: events.AlreadyDone, Action: events.ActionNone}, nil
	}
	if !k.known() {
		found, err := search(ctx, adapter, u)
		switch {
		case errors.Is(err, ErrNoAccount) && k.Gone && k.PreviousAccountID != "":
			found = vendors.Account{ID: k.PreviousAccountID}
		case errors.Is(err, ErrNoAccount) && (u.Email != "" || k.Gone):
			return Reply{Outcome: k.found(), Action: k.action(events.ActionDeleted)}, nil
		case err != nil:
			return Reply{}, err
		}
		account = found
	}
	account.Email = u.Email
	if err := k.reserve(ctx, account); err != nil {
		return Reply{}, err
	}
	if err := p.Delete(ctx, k.From, account); err != nil {
		return Reply{}, err
	}
	return Reply{Outcome: events.Done, Account: account, Action: events.ActionDeleted, MatchedBy: k.matchedBy(adapter)}, nil
}
