package meiro

import (
	"context"
	"errors"

	"github.com/usherhq/usher/vendors"
)

// Operators manages operators of Meiro's back office: staff, not customers. Operators have
// neither courses nor activity.
type Operators struct {
	api *API
	own string // e-mail of Usher's own operator, which is never deleted or changed
}

// The ports of Operators.
var (
	_ vendors.Checker       = (*Operators)(nil)
	_ vendors.Lister        = (*Operators)(nil)
	_ vendors.Provisioner   = (*Operators)(nil)
	_ vendors.Updater       = (*Operators)(nil)
	_ vendors.Deprovisioner = (*Operators)(nil)
	_ vendors.Restorer      = (*Operators)(nil)
	_ vendors.Disabler      = (*Operators)(nil)
	_ vendors.TrashFinder   = (*Operators)(nil)
)

const pageSize = 100

// Check lists one operator.
func (o *Operators) Check(ctx context.Context) error {
	_, err := o.api.ListUsers(ctx, Selection{Limit: 1, OrderBy: "id", OrderDir: "ASC"})
	return vendors.UnusableIfGone(err)
}

// Find returns the only operator with the e-mail of u, from all pages of operators outside the
// trash, or vendors.ErrNotFound.
func (o *Operators) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	return o.search(ctx, o.api.ListUsers, func(x User) bool { return !bool(x.Deleted) && vendors.SameEmail(x.Email, u.Email) })
}

// FindDeleted returns the operator with the e-mail of u in the trash, or vendors.ErrNotFound.
func (o *Operators) FindDeleted(ctx context.Context, u vendors.User) (vendors.Account, error) {
	return o.search(ctx, o.api.ListTrashedUsers, func(x User) bool { return vendors.SameEmail(x.Email, u.Email) })
}

// Create creates an operator, or restores the operator with this e-mail from the trash. If
// Meiro rejects the request, Create searches the active operators and then the trash before
// giving up.
func (o *Operators) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	email := vendors.NormalEmail(u.Email)
	if email == "" {
		return vendors.Account{}, vendors.Fail(vendor, "create or restore user", "the event has no e-mail, the only name of an operator")
	}
	made, err := o.api.CreateOrRestoreUser(ctx, NewUser{Email: email, Password: vendors.NewPassword()})
	switch {
	case err == nil && bool(made.Deleted) && made.ID != "":
		return o.restore(ctx, made.ID, u)
	case err == nil:
		return verified(made, u, "create or restore user")
	case vendors.ClassOf(err) != vendors.Permanent:
		return vendors.Account{}, err
	}
	a, lookup := o.Find(ctx, u)
	if lookup == nil || !errors.Is(lookup, vendors.ErrNotFound) {
		a.Existed = lookup == nil
		return a, lookup
	}
	trashed, lookup := o.FindDeleted(ctx, u)
	if errors.Is(lookup, vendors.ErrNotFound) {
		return vendors.Account{}, err
	}
	if lookup != nil {
		return vendors.Account{}, lookup
	}
	return o.restore(ctx, trashed.ID, u)
}

// restore restores an operator from the trash, for u.
func (o *Operators) restore(ctx context.Context, id string, u vendors.User) (vendors.Account, error) {
	back, err := o.takeBack(ctx, id)
	if err != nil {
		return vendors.Account{}, err
	}
	return verified(back, u, "restore user")
}

// verified returns the account in a response, if the account is active and has the e-mail of u.
func verified(got User, u vendors.User, op string) (vendors.Account, error) {
	if got.ID == "" || bool(got.Deleted) || !vendors.SameEmail(got.Email, u.Email) {
		return vendors.Account{}, &vendors.Error{Vendor: vendor, Op: op, Message: "the response is not the requested user", Unknown: true, Unreadable: true}
	}
	return vendors.Account{ID: got.ID}, nil
}

// Delete moves the operator to the trash. A missing operator, and an operator in the trash, are
// success. Usher's own operator is never deleted: a permanent error.
func (o *Operators) Delete(ctx context.Context, _ vendors.Origin, a vendors.Account) error {
	u, err := o.retrieve(ctx, a)
	switch {
	case errors.Is(err, vendors.ErrNotFound):
		return nil
	case err != nil:
		return err
	case bool(u.Deleted):
		return nil
	case o.isOwn(u):
		return vendors.Fail(vendor, "delete user", "Usher logs in as this operator, and never deletes the operator")
	}
	if _, err := o.api.DeleteUser(ctx, a.ID); !vendors.IsGone(err) {
		return err
	}
	return nil
}

// search returns the only user of a list with match, or vendors.ErrNotFound.
func (o *Operators) search(ctx context.Context, list lister, match func(User) bool) (vendors.Account, error) {
	var hits []vendors.Account
	err := each(ctx, list, func(u User) (more bool, _ error) {
		if match(u) {
			hits = append(hits, vendors.Account{ID: u.ID})
		}
		return true, nil
	})
	if err != nil {
		return vendors.Account{}, err
	}
	return vendors.Only(vendor, vendors.KeyEmail, hits)
}
