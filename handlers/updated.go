package handlers

import (
	"context"
	"errors"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// UserUpdated handles user.updated: the user's account at the vendor gets the
// data of the event. Nobody gets an account by it, but where the vendor goes by our
// id and its update is an upsert.
func UserUpdated() Handler {
	return Handler{Type: events.UserUpdated, Scope: events.ScopeOf(events.UserUpdated), Snapshot: true, Supports: always, Plan: planUpdated}
}

func planUpdated(v Vendor, e events.Event) (Plan, error) {
	d, err := data[snapshot](e)
	if err != nil {
		return Plan{}, err
	}
	u := person(d)
	return Plan{UserID: d.UserID, Do: func(ctx context.Context, k Known) (Reply, error) {
		return update(ctx, v, u, k)
	}}, nil
}

// update brings the account that the record knows up to date, or else the one
// with the event's e-mail, which is adopted. A deleted user is not looked for: the
// account may be made again, or restored, and the update waits for that.
func update(ctx context.Context, v Vendor, u vendors.User, k Known) (Reply, error) {
	p, ok := v.Adapter.(vendors.Updater)
	if !ok {
		return unsupported, nil
	}
	account, err := locate(ctx, v.Adapter, u, k)
	if err != nil {
		return Reply{}, err
	}
	err = p.Update(ctx, k.From, account, u)
	if errors.Is(err, vendors.ErrNotFound) {
		if account, err = elsewhere(ctx, v, u, k); err == nil {
			err = p.Update(ctx, k.From, account, u)
		}
	}
	if err != nil {
		return Reply{}, err
	}
	return Reply{Outcome: events.Done, Account: account}, nil
}

// elsewhere looks by e-mail for an account that is not where the record has it:
// somebody may have made it anew by hand. Where nobody is found the update cannot
// be made, and waiting does not help: no event takes the account for missing.
func elsewhere(ctx context.Context, v Vendor, u vendors.User, k Known) (vendors.Account, error) {
	if !k.known() {
		return vendors.Account{}, ErrNoAccount
	}
	found, err := search(ctx, v.Adapter, u)
	if errors.Is(err, ErrNoAccount) || (err == nil && found.ID == k.Account.ID) {
		return found, vendors.Fail(v.Name, "update", "the vendor does not have the account any more: usher reconcile "+v.Name+" makes it anew, then replay")
	}
	if err != nil {
		return found, err
	}
	return found, k.reserve(ctx, found)
}
