package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// Adopt says which accounts from before Usher may become the account of a user.
type Adopt string

// The values of Adopt. The zero value is AdoptUnclaimed.
const (
	AdoptAlways    Adopt = "always"    // every account of the look-up
	AdoptUnclaimed Adopt = "unclaimed" // unless the vendor keeps the id of another user with the account
	AdoptNever     Adopt = "never"     // only an account that the vendor keeps under our id
)

// ErrForeign is the cause of the error of an account that a user may not get.
var ErrForeign = errors.New("the account is not the user's")

// find returns the account of a user at the vendor, by the keys of the team in order, and how the
// account was found. Whether the user may get the account is up to adopts.
func (v Vendor) find(ctx context.Context, p vendors.Finder, u vendors.User) (found vendors.Account, by string, err error) {
	keys := v.Policy.Match
	if len(keys) == 0 {
		found, err = v.lookUp(ctx, p, u)
		if found.Owner != "" && found.Owner == u.ID {
			return found, events.MatchedByUserID, err
		}
		return found, events.MatchedByEmail, err
	}
	err = vendors.ErrNotFound
	for i, key := range keys {
		one, name := vendors.User{Email: u.Email}, events.MatchedByEmail
		if key == vendors.KeyID {
			one, name = vendors.User{ID: u.ID}, events.MatchedByUserID
		}
		if one.ID == "" && one.Email == "" {
			continue
		}
		found, err = v.lookUp(ctx, p, one)
		last := i == len(keys)-1
		if !errors.Is(err, vendors.ErrNotFound) && (last || !cannotFind(err)) {
			return found, name, err
		}
	}
	return found, "", err
}

// lookUp returns the account that the vendor shows for a user.
func (v Vendor) lookUp(ctx context.Context, p vendors.Finder, u vendors.User) (vendors.Account, error) {
	a, err := p.Find(ctx, u)
	return v.proper("find", false, a, err)
}

// cannotFind reports whether the vendor refuses to look up by a key.
func cannotFind(err error) bool {
	return vendors.IsRefused(err) || vendors.StatusOf(err) == http.StatusNotImplemented
}

// matches reports whether the team lets the vendor find accounts by a key.
func (p Policy) matches(key string) bool {
	return len(p.Match) == 0 || slices.Contains(p.Match, key)
}

// adopts returns an error with the cause ErrForeign if a user may not get an account of a look-up.
func (v Vendor) adopts(found vendors.Account, userID string) error {
	const replay = "or remove the account, or set %s, then replay"
	ours := found.Owner != "" && found.Owner == userID
	var problem string
	switch {
	case ours && v.Policy.matches(vendors.KeyID), v.Policy.Adopt == AdoptAlways && v.Policy.matches(vendors.KeyEmail):
		return nil
	case !v.Policy.matches(vendors.KeyEmail):
		problem = "the e-mail of the user has an account without the id of the user, and match has no email: " +
			"give the account the id, " + fmt.Sprintf(replay, "match to [id, email]")
	case v.Policy.Adopt == AdoptNever:
		problem = "the e-mail of the user has an account that Usher did not make, or made in an interrupted attempt, and adopt is never: " +
			"give the account another e-mail, " + fmt.Sprintf(replay, "adopt to unclaimed")
	case found.Owner != "" && !ours:
		problem = "the e-mail of the user has an account with the id of another user: " +
			"correct the account, " + fmt.Sprintf(replay, "adopt to always")
	default:
		return nil
	}
	e := vendors.Fail(v.Name, "adopt account", problem)
	e.Err = ErrForeign
	return e
}

// mayRevive returns an error with the cause ErrForeign if a creation would take an account out of the
// trash that is not the user's last one, and the team adopts no accounts.
func (v Vendor) mayRevive(ctx context.Context, u vendors.User, k Known) error {
	p, ok := vendors.Port[vendors.TrashFinder](v.Adapter)
	if !ok || v.Policy.Adopt != AdoptNever {
		return nil
	}
	found, err := p.FindDeleted(ctx, u)
	switch {
	case errors.Is(err, vendors.ErrNotFound), err == nil && found.ID == k.PreviousAccountID:
		return nil
	case err != nil:
		return err
	}
	return v.adopts(found, u.ID)
}

// search returns the account of a user without a known account, and how the account was found: by our
// user id at a vendor that uses our ids, or else by a look-up.
func (v Vendor) search(ctx context.Context, u vendors.User) (vendors.Account, string, error) {
	if p, ok := vendors.Port[vendors.Addresser](v.Adapter); ok {
		return p.AccountOf(u.ID), events.MatchedByUserID, nil
	}
	p, ok := vendors.Port[vendors.Finder](v.Adapter)
	if !ok || u.Email == "" && !slices.Contains(v.Policy.Match, vendors.KeyID) {
		return vendors.Account{}, "", ErrNoAccount
	}
	a, by, err := v.find(ctx, p, u)
	switch {
	case errors.Is(err, vendors.ErrNotFound):
		return a, by, ErrNoAccount
	case err != nil:
		return a, by, err
	}
	return a, by, v.adopts(a, u.ID)
}

// locate returns the account of the record, or else looks up the account, and reserves the
// account. A deleted user has no account and is not looked up, because the address may belong
// to another user.
func (v Vendor) locate(ctx context.Context, u vendors.User, k Known) (vendors.Account, string, error) {
	account, by := vendors.Account{ID: k.Account.ID, Email: u.Email}, k.matchedBy(v.Adapter)
	if !k.known() {
		if k.Gone {
			return vendors.Account{}, "", ErrNoAccount
		}
		found, foundBy, err := v.search(ctx, u)
		if err != nil {
			return found, foundBy, err
		}
		account, by = found, foundBy
	}
	return account, by, k.reserve(ctx, account)
}
