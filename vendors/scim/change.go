package scim

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// Update sets the attributes that differ from u; empty fields of u stay unchanged. Staff is a
// permanent error. An update that the server accepts and does not make is an error.
func (a *Adapter) Update(ctx context.Context, _ vendors.Origin, acc vendors.Account, u vendors.User) error {
	const op = "update"
	before, err := a.ours(ctx, op, acc)
	if err != nil {
		return err
	}
	operations := differences(before.User, u)
	if len(operations) == 0 {
		return nil
	}
	after, err := a.write(ctx, before, operations)
	if err == nil && after.ID != acc.ID {
		after, err = a.reread(ctx, acc.ID)
	}
	if err != nil {
		return err
	}
	return applied(op, before.User, after, u)
}

// reread returns the user after a change.
func (a *Adapter) reread(ctx context.Context, id string) (User, error) {
	r, err := a.get(ctx, id)
	return r.User, err
}

// applied returns an error if the server shows an old value of the userName or of a name that u
// changes. Other attributes prove nothing: servers write them in a form of their own, or not
// at all.
func applied(op string, before, after User, u vendors.User) error {
	given, family := after.names()
	oldGiven, oldFamily := before.names()
	stale := func(wanted, old, shown string) bool {
		return wanted != "" && old != "" && !strings.EqualFold(wanted, old) && shown == old
	}
	email := vendors.NormalEmail(u.Email)
	if stale(email, before.UserName, after.UserName) || stale(u.FirstName, oldGiven, given) || stale(u.LastName, oldFamily, family) {
		return notDone(op, "shows the old data")
	}
	return nil
}

// notDone returns the error of a change that the server accepted and did not make. A repeat may
// find the change: some servers show old data for a while.
func notDone(op, shows string) error {
	return unreadable(op, "the server answered with success, and "+shows)
}

// Disable sets active to false, and reads the account to prove the change. A missing or disabled
// account is success. Staff is a permanent error.
func (a *Adapter) Disable(ctx context.Context, _ vendors.Origin, acc vendors.Account) error {
	const op = "disable"
	before, err := a.ours(ctx, op, acc)
	if errors.Is(err, vendors.ErrNotFound) {
		return nil
	}
	if err != nil || !before.active() {
		return err
	}
	if _, err := a.write(ctx, before, []Operation{replace("active", false)}); err != nil && !errors.Is(err, vendors.ErrNotFound) {
		return err
	}
	return a.withoutAccess(ctx, op, acc)
}

// withoutAccess returns an error if the server shows the account as active.
func (a *Adapter) withoutAccess(ctx context.Context, op string, acc vendors.Account) error {
	after, err := a.reread(ctx, acc.ID)
	switch {
	case errors.Is(err, vendors.ErrNotFound):
		return nil
	case err != nil:
		return err
	case after.Active != nil && bool(*after.Active):
		return notDone(op, "shows the account as active")
	}
	return nil
}

// Enable sets active to true, and reads the account to prove the change. An enabled account is
// success. Memberships in groups stay as the server kept them.
func (a *Adapter) Enable(ctx context.Context, _ vendors.Origin, acc vendors.Account) error {
	const op = "enable"
	before, err := a.get(ctx, acc.ID)
	if err != nil || before.active() {
		return err
	}
	if _, err := a.write(ctx, before, []Operation{replace("active", true)}); err != nil {
		return err
	}
	after, err := a.reread(ctx, acc.ID)
	if err == nil && !after.active() {
		err = notDone(op, "shows the account as disabled")
	}
	return err
}

// Delete deletes the account, and reads the account to prove the change. A missing account is
// success, and so is an account that the server only disables. Staff is a permanent error.
func (a *Adapter) Delete(ctx context.Context, _ vendors.Origin, acc vendors.Account) error {
	const op = "delete"
	if len(a.staff) > 0 {
		_, err := a.ours(ctx, op, acc)
		if errors.Is(err, vendors.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	err := a.api.DeleteUser(ctx, acc.ID)
	switch {
	case isGone(err):
		return a.Check(ctx) // a missing list means a wrong base URL, not a missing account
	case err != nil:
		return err
	}
	after, err := a.reread(ctx, acc.ID)
	switch {
	case errors.Is(err, vendors.ErrNotFound):
		return nil
	case err == nil && after.active():
		return notDone(op, "shows the account as before")
	}
	return err
}

// write makes changes of a user by PATCH or PUT, as set or as learnt. vendors.ErrNotFound means
// that there is no such account.
func (a *Adapter) write(ctx context.Context, r Record, operations []Operation) (User, error) {
	method, _ := a.update.Load().(string)
	if method == "" {
		method = UpdatePatch
		if a.api.refusesPatch(ctx) {
			method = UpdatePut
		}
	}
	after, err := a.writeBy(ctx, method, r, operations)
	if refusesMethod(err) && a.config.Update == UpdateAuto {
		method = map[string]string{UpdatePatch: UpdatePut, UpdatePut: UpdatePatch}[method]
		after, err = a.writeBy(ctx, method, r, operations)
	}
	if err == nil {
		a.update.Store(method)
	}
	if isGone(err) {
		err = a.missing(ctx)
	}
	return after, err
}

// refusesMethod reports whether the server does not have the method.
func refusesMethod(err error) bool {
	return slices.Contains([]int{http.StatusMethodNotAllowed, http.StatusNotImplemented}, vendors.StatusOf(err))
}

// writeBy makes changes of a user by a method.
func (a *Adapter) writeBy(ctx context.Context, method string, r Record, operations []Operation) (User, error) {
	if method == UpdatePatch {
		return a.api.PatchUser(ctx, r, operations)
	}
	attributes, err := overlay(r.raw, operations)
	if err != nil {
		return User{}, vendors.Fail(vendor, "put user", "the attributes have no JSON form")
	}
	return a.api.PutUser(ctx, r, attributes)
}
