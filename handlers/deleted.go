package handlers

import (
	"context"
	"errors"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// UserDeleted handles user.deleted: the user's account at the vendor goes. An
// account that is not there is success.
func UserDeleted() Handler {
	return Handler{Type: events.UserDeleted, Scope: events.ScopeOf(events.UserDeleted), Removes: true, Supports: always, Plan: planDeleted}
}

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

// deprovision deletes the account that the record knows, or else the one with
// the event's e-mail. Where it can know neither, it does not claim that nobody
// is there: the creation may be on its way. A user who is gone already is not
// looked for: by now the address may be another's. Where that is in doubt, and
// nobody is found, the account that was deleted last goes once more: it may have
// been restored.
func deprovision(ctx context.Context, adapter vendors.Adapter, u vendors.User, k Known) (Reply, error) {
	p, ok := adapter.(vendors.Deprovisioner)
	if !ok {
		return unsupported, nil
	}
	account := k.Account
	if k.Gone && !k.UnconfirmedLifecycle {
		return Reply{Outcome: events.AlreadyDone}, nil
	}
	if !k.known() {
		found, err := search(ctx, adapter, u)
		switch {
		case errors.Is(err, ErrNoAccount) && k.Gone && k.PreviousAccountID != "":
			found = vendors.Account{ID: k.PreviousAccountID}
		case errors.Is(err, ErrNoAccount) && (u.Email != "" || k.Gone):
			return Reply{Outcome: k.found()}, nil
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
	return Reply{Outcome: events.Done, Account: account}, nil
}
