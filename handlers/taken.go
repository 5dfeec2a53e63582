package handlers

import (
	"context"
	"errors"

	"github.com/usherhq/usher/vendors"
)

// updateAt updates an account. After a refusal, updateAt looks up the e-mail: the account of another
// user ends as the error of the reservation. An address without an account may have become free since
// the refusal, so the update is tried once more. Any other refusal is returned.
func (v Vendor) updateAt(ctx context.Context, p vendors.Updater, a vendors.Account, u vendors.User, k Known) error {
	refused := p.Update(ctx, k.From, a, u)
	finder, ok := vendors.Port[vendors.Finder](v.Adapter)
	if !ok || !v.mayBeTaken(refused, u) {
		return refused
	}
	found, err := v.lookUp(ctx, finder, vendors.User{Email: u.Email})
	switch {
	case errors.Is(err, vendors.ErrNotFound):
		return p.Update(ctx, k.From, a, u)
	case err != nil || found.ID == a.ID:
		return refused
	}
	if err := k.reserve(ctx, found); err != nil {
		return err
	}
	return refused
}

// mayBeTaken reports whether the vendor may have refused an update because another account has the
// e-mail: vendors say so in many ways.
func (v Vendor) mayBeTaken(refused error, u vendors.User) bool {
	_, ours := vendors.Port[vendors.Addresser](v.Adapter)
	answered := vendors.ClassOf(refused) == vendors.Permanent && vendors.StatusOf(refused) != 0
	return answered && !ours && u.Email != "" && v.Policy.matches(vendors.KeyEmail)
}
