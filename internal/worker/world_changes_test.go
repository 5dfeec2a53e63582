package worker_test

import (
	"context"
	"slices"

	"github.com/usherhq/usher/vendors"
)

// What the vendor of the world can do beside creating, deleting and enrolling.

func (c client) Update(ctx context.Context, _ vendors.Origin, a vendors.Account, u vendors.User) error {
	err := c.call(ctx, true, func() error { return c.with(a.ID, func(a *account) { a.data = u.FirstName }) })
	if vendors.IsGone(err) {
		return vendors.ErrNotFound
	}
	return err
}

// Restore takes the account out of the trash, or the last one with the e-mail.
func (c client) Restore(ctx context.Context, _ vendors.Origin, a vendors.Account, u vendors.User) (vendors.Account, error) {
	var back vendors.Account
	err := c.call(ctx, true, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, one := range slices.Backward(c.accounts) {
			if one.id == a.ID || (a.ID == "" && one.email == u.Email) {
				one.deleted, back.ID = false, one.id
				return nil
			}
		}
		return vendors.ErrNotFound
	})
	if err != nil { // back may still be written to by a call that lands late
		return vendors.Account{}, err
	}
	return back, nil
}

func (c client) Unenroll(ctx context.Context, e vendors.Enrollment) error {
	return c.call(ctx, true, func() error {
		return c.with(e.Account.ID, func(a *account) {
			a.courses = slices.DeleteFunc(a.courses, func(course string) bool { return course == e.Course.ID })
		})
	})
}

// upserter is the vendor as one that knows users by our ids, and whose calls may
// be repeated at will.
type upserter struct{ client }

func (u upserter) AccountOf(userID string) vendors.Account {
	return vendors.Account{ID: "of " + userID}
}

func (u upserter) Renews() {}

func (u upserter) Find(context.Context, vendors.User) (vendors.Account, error) {
	return vendors.Account{}, vendors.ErrNotFound
}

func (u upserter) Create(ctx context.Context, _ vendors.Origin, user vendors.User) (vendors.Account, error) {
	id := u.AccountOf(user.ID)
	return id, u.call(ctx, false, func() error {
		if u.with(id.ID, func(a *account) { a.data = user.FirstName }) == nil {
			return nil
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		u.accounts = append(u.accounts, &account{id: id.ID, email: user.Email, data: user.FirstName})
		return nil
	})
}

func (u upserter) Enroll(ctx context.Context, e vendors.Enrollment) error {
	return u.call(ctx, false, func() error {
		return u.with(e.Account.ID, func(a *account) {
			if !slices.Contains(a.courses, e.Course.ID) {
				a.courses = append(a.courses, e.Course.ID)
			}
		})
	})
}
