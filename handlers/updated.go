package handlers

import (
	"context"
	"errors"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// UserUpdated handles user.updated: writes the data of the event to the user's account. Only a
// vendor with our ids and upserts creates an account for an update.
func UserUpdated() Handler {
	return Handler{Type: events.UserUpdated, Scope: events.ScopeOf(events.UserUpdated), Change: "update", Snapshot: true, Supports: always, Plan: planUpdated}
}

// planUpdated plans an update.
func planUpdated(v Vendor, e events.Event) (Plan, error) {
	d, err := data[snapshot](e)
	if err != nil {
		return Plan{}, err
	}
	u := person(d)
	return Plan{UserID: d.UserID, Do: func(ctx context.Context, k Known) (Reply, error) {
		u, err := v.mapped(k, e, u, false)
		if err != nil {
			return Reply{}, err
		}
		reply, err := update(ctx, v, u, k)
		switch {
		case !v.enters(k, err):
			return reply, err
		case !v.Policy.allows(changeCreation):
			return Reply{Outcome: events.Skipped, Action: changeCreation, Reason: ReasonMay}, nil
		}
		return enter(ctx, v, e, k)
	}}, nil
}

// update updates the account of the record, or else adopts and updates the account with the
// event's e-mail. A deleted user is not looked up: the account may be created again or
// restored, and the update waits.
func update(ctx context.Context, v Vendor, u vendors.User, k Known) (Reply, error) {
	p, ok := vendors.Port[vendors.Updater](v.Adapter)
	if !ok {
		return unsupported, nil
	}
	account, by, err := v.locate(ctx, u, k)
	if err != nil {
		return Reply{}, err
	}
	err = v.updateAt(ctx, p, account, u, k)
	if errors.Is(err, vendors.ErrNotFound) && k.PerhapsRemoved { // by an attempt
		return Reply{}, ErrNoAccount
	}
	if errors.Is(err, vendors.ErrNotFound) {
		if account, by, err = elsewhere(ctx, v, u, k); err == nil {
			err = v.updateAt(ctx, p, account, u, k)
		}
	}
	return Reply{Outcome: events.Done, Account: account, Action: events.ActionUpdated, MatchedBy: by, Changed: fieldsOf(u)}.with(err)
}

// elsewhere looks up the account after the vendor said that the account of the record
// is missing, because a person may have recreated the account. If no account is found, the
// error is permanent: waiting does not help.
func elsewhere(ctx context.Context, v Vendor, u vendors.User, k Known) (vendors.Account, string, error) {
	if !k.known() {
		return vendors.Account{}, "", ErrNoAccount
	}
	found, by, err := v.search(ctx, u)
	if errors.Is(err, ErrNoAccount) || (err == nil && found.ID == k.Account.ID) {
		return found, by, vendors.Fail(v.Name, "update", "the vendor does not have the account any more: recreate the account with usher reconcile "+v.Name+", then replay")
	}
	if err != nil {
		return found, by, err
	}
	return found, by, k.reserve(ctx, found)
}
