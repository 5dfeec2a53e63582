package handlers

import (
	"context"
	"fmt"
	"net/http"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// enable enables the disabled account of a returning user. vendors.ErrNotFound means that
// the record has no disabled account, or that the vendor has lost the account.
func enable(ctx context.Context, adapter vendors.Adapter, u vendors.User, k Known) (Reply, error) {
	p, ok := vendors.Port[vendors.Disabler](adapter)
	if !ok || !k.Disabled || k.PreviousAccountID == "" {
		return Reply{}, vendors.ErrNotFound
	}
	account := vendors.Account{ID: k.PreviousAccountID, Email: u.Email}
	if err := k.reserve(ctx, account); err != nil {
		return Reply{}, err
	}
	r := Reply{Outcome: events.Done, Account: account, Action: events.ActionEnabled, MatchedBy: events.MatchedByRecord}
	return r.with(perhapsChanged(p.Enable(ctx, k.From, account)))
}

// perhapsChanged marks the error of a repeatable change that may have been made. The next attempt may be
// judged otherwise, by newer data of the user or by other rules, and then repeats nothing.
func perhapsChanged(err error) error {
	if vendors.IsUnanswered(err) || vendors.StatusOf(err) >= http.StatusInternalServerError {
		return fmt.Errorf("%w (%w)", err, ErrChanged)
	}
	return err
}

// reinstate enables the disabled account of a user after a new creation, and updates the data of
// the account. For vendors.ErrNotFound see enable.
func reinstate(ctx context.Context, v Vendor, u vendors.User, k Known) (Reply, error) {
	r, err := enable(ctx, v.Adapter, u, k)
	if err != nil {
		return r, err
	}
	p, ok := vendors.Port[vendors.Updater](v.Adapter)
	if !ok || k.Outdated {
		return r, nil
	}
	r.Changed = fieldsOf(u)
	if err := v.updateAt(ctx, p, r.Account, u, k); err != nil {
		return r, fmt.Errorf("%w (%w)", err, ErrChanged)
	}
	return r, nil
}
