package handlers

import (
	"cmp"
	"context"
	"errors"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// UserRestored handles user.restored: restores the account deleted last, at vendors that can.
func UserRestored() Handler {
	return Handler{Type: events.UserRestored, Scope: events.ScopeOf(events.UserRestored), Change: "restore", Supports: always, Plan: planRestored}
}

// planRestored plans a restoration.
func planRestored(v Vendor, e events.Event) (Plan, error) {
	d, err := data[events.UserRestoredData](e)
	if err != nil {
		return Plan{}, err
	}
	u := vendors.User{ID: d.UserID, Email: d.Email}
	return Plan{UserID: d.UserID, Do: func(ctx context.Context, k Known) (Reply, error) {
		return restore(ctx, v, u, k)
	}}, nil
}

// restoredBy returns how the deleted account was found.
func restoredBy(k Known) string {
	if k.PreviousAccountID != "" {
		return events.MatchedByRecord
	}
	return events.MatchedByEmail
}

// restore looks up the user before restoring: if the user has a new account, the old account
// would be a second one.
func restore(ctx context.Context, v Vendor, u vendors.User, k Known) (Reply, error) {
	if back, err := enable(ctx, v.Adapter, u, k); !errors.Is(err, vendors.ErrNotFound) {
		return back, err
	}
	p, ok := vendors.Port[vendors.Restorer](v.Adapter)
	if !ok {
		return unsupported, nil
	}
	if k.known() {
		return Reply{Outcome: events.AlreadyDone, Account: k.Account, Action: events.ActionNone, MatchedBy: events.MatchedByRecord}, nil
	}
	if _, ours := vendors.Port[vendors.Addresser](v.Adapter); !ours {
		found, by, err := v.search(ctx, u)
		switch {
		case err == nil:
			return Reply{Outcome: k.found(), Account: found, Action: k.action(events.ActionRestored), MatchedBy: by}, nil
		case !errors.Is(err, ErrNoAccount), u.Email == "" && k.PreviousAccountID == "":
			return Reply{}, err
		}
	}
	last := vendors.Account{ID: k.PreviousAccountID, Email: u.Email}
	if err := k.reserve(ctx, last); err != nil {
		return Reply{}, err
	}
	back, err := p.Restore(ctx, k.From, last, u)
	back, err = v.proper("restore", true, back, err)
	if errors.Is(err, vendors.ErrNotFound) {
		return Reply{}, vendors.Fail(v.Name, "restore", "the vendor has no deleted account of this user: send user.created")
	}
	back.ID = cmp.Or(back.ID, k.PreviousAccountID)
	return Reply{Outcome: events.Done, Account: back, Action: events.ActionRestored, MatchedBy: restoredBy(k)}.with(err)
}
