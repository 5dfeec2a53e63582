package meiro

import (
	"context"
	"errors"

	"github.com/usherhq/usher/vendors"
)

// Update sets the operator's e-mail; Meiro has no names. Password and sso_enabled, the other
// parameters of the call, are never sent. An operator in the trash counts as missing. Usher's
// own operator is kept unchanged, with a permanent error.
func (o *Operators) Update(ctx context.Context, _ vendors.Origin, a vendors.Account, u vendors.User) error {
	email := vendors.NormalEmail(u.Email)
	known, err := o.retrieve(ctx, a)
	switch {
	case err != nil:
		return err
	case bool(known.Deleted):
		return vendors.ErrNotFound
	case o.isOwn(known):
		return vendors.Fail(vendor, "modify user", "Usher logs in as this operator, and never changes the operator")
	case email == "" || email == known.Email:
		return nil
	}
	got, err := o.api.ModifyUser(ctx, a.ID, Change{Email: email})
	switch {
	case vendors.IsGone(err):
		return vendors.ErrNotFound
	case err != nil:
		return err
	}
	_, err = verified(got, u, "modify user")
	return err
}

// Restore takes the operator with the id of a, or else with the e-mail of u, out of the trash.
// An active operator with either is success: two accounts with one e-mail would be worse than
// an old account in the trash.
func (o *Operators) Restore(ctx context.Context, _ vendors.Origin, a vendors.Account, u vendors.User) (vendors.Account, error) {
	if active, err := o.active(ctx, a, u); !errors.Is(err, vendors.ErrNotFound) {
		return active, err
	}
	if a.ID != "" {
		back, err := o.takeBack(ctx, a.ID)
		if !errors.Is(err, vendors.ErrNotFound) {
			return vendors.Account{ID: back.ID}, err
		}
	}
	if u.Email == "" {
		return vendors.Account{}, vendors.ErrNotFound
	}
	trashed, err := o.search(ctx, o.api.ListTrashedUsers, func(x User) bool { return vendors.SameEmail(x.Email, u.Email) })
	if err != nil {
		return vendors.Account{}, err
	}
	back, err := o.takeBack(ctx, trashed.ID)
	return vendors.Account{ID: back.ID}, err
}

// active returns the active operator with the id of a, or else with the e-mail of u, or
// vendors.ErrNotFound.
func (o *Operators) active(ctx context.Context, a vendors.Account, u vendors.User) (vendors.Account, error) {
	if a.ID != "" {
		known, err := o.retrieve(ctx, a)
		if err == nil && !bool(known.Deleted) {
			return vendors.Account{ID: a.ID}, nil
		}
		if err != nil && !errors.Is(err, vendors.ErrNotFound) {
			return vendors.Account{}, err
		}
	}
	if u.Email == "" {
		return vendors.Account{}, vendors.ErrNotFound
	}
	return o.Find(ctx, u)
}

// takeBack restores the operator, or returns vendors.ErrNotFound. Meiro may answer 404 for an
// operator that an earlier call has restored.
func (o *Operators) takeBack(ctx context.Context, id string) (User, error) {
	got, err := o.api.RestoreUser(ctx, id)
	if vendors.IsGone(err) {
		if got, err = o.retrieve(ctx, vendors.Account{ID: id}); err == nil && bool(got.Deleted) {
			return User{}, vendors.ErrNotFound
		}
	}
	if err != nil {
		return User{}, err
	}
	if got.ID != id || bool(got.Deleted) {
		return User{}, notRequested("restore user")
	}
	return got, nil
}

// retrieve returns the account's operator, in the trash or not, or vendors.ErrNotFound.
func (o *Operators) retrieve(ctx context.Context, a vendors.Account) (User, error) {
	u, err := o.api.RetrieveUser(ctx, a.ID)
	switch {
	case vendors.IsGone(err):
		return User{}, vendors.ErrNotFound
	case err != nil:
		return User{}, err
	case u.ID != a.ID:
		return User{}, notRequested("retrieve user")
	}
	return u, nil
}

// isOwn reports whether u is Usher's own operator. With a static token the own operator is
// unknown.
func (o *Operators) isOwn(u User) bool { return o.own != "" && vendors.SameEmail(u.Email, o.own) }
