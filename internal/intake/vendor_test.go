package intake_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/usherhq/usher/vendors"
)

// vendor is a vendor without any promise: a second creation makes a second
// account, a second enrolment a second entry, and calls land late or lose their
// answers.
type vendor struct {
	mu       sync.Mutex
	keepsIDs bool // of users, with their accounts
	next     int
	accounts []*account
	deleting func(key, account string) // gets each deletion of a live account and the key of the event
	// disabling gets the key of the event of each disabling.
	disabling func(key string)
}

type account struct {
	id      string
	email   string
	data    string // of the user, by the last call
	deleted bool
	owner   string // id of the user, if the vendor keeps ids
	foreign bool   // made by hand
	// disabled accounts are found, and may be enabled or deleted.
	disabled bool
	courses  []string
}

// add makes an account.
func (v *vendor) add(u vendors.User) *account {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.next++
	made := &account{id: fmt.Sprint(v.next), email: u.Email, data: u.FirstName}
	if v.keepsIDs {
		made.owner = u.ID
	}
	v.accounts = append(v.accounts, made)
	return made
}

func (v *vendor) live(email string) []*account {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []*account
	for _, a := range v.accounts {
		if a.email == email && !a.deleted {
			out = append(out, a)
		}
	}
	return out
}

// client is the vendor as one process reaches it, with a network in between.
type client struct {
	*vendor
	process *process
	random  *random
	faults  float64
	longest time.Duration // of a call that answers
}

// call is one HTTP call: not begun too late, slow, refused, or answered to nobody.
func (c client) call(ctx context.Context, once bool, effect func() error) error {
	c.process.called()
	if err := c.process.do(func() error { return nil }); err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	if time.Until(deadline) < callTimeout {
		return &vendors.Error{Vendor: "acme", Err: vendors.ErrLate}
	}
	if c.random.hit(c.faults) {
		return &vendors.Error{Vendor: "acme", Status: 429}
	}
	if c.random.hit(c.faults) { // it fails, and lands later all the same
		time.AfterFunc(c.random.span(callTimeout), func() { _ = effect() })
		time.Sleep(c.random.span(callTimeout))
		return &vendors.Error{Vendor: "acme", Unknown: once, Err: errors.New("no answer in time")}
	}
	time.Sleep(c.random.span(c.longest - time.Millisecond))
	err := effect()
	if c.random.hit(c.faults) {
		return &vendors.Error{Vendor: "acme", Status: 502, Unknown: once}
	}
	return err
}

func (c client) Check(context.Context) error { return nil }

func (c client) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	var found vendors.Account
	err := c.call(ctx, false, func() (err error) {
		found, err = c.lookUp(u)
		return err
	})
	if err != nil { // found may still be written to by a call that lands late
		return vendors.Account{}, err
	}
	return found, nil
}

// lookUp returns the only account with the id of u, if the vendor keeps ids, or else with the e-mail.
func (v *vendor) lookUp(u vendors.User) (vendors.Account, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, is := range []func(*account) bool{
		func(a *account) bool { return u.ID != "" && a.owner == u.ID },
		func(a *account) bool { return a.email == u.Email },
	} {
		var hits []vendors.Account
		for _, a := range v.accounts {
			if !a.deleted && is(a) {
				hits = append(hits, vendors.Account{ID: a.id, Owner: a.owner})
			}
		}
		found, err := vendors.Only("acme", []string{vendors.KeyID, vendors.KeyEmail}[key], hits)
		if !errors.Is(err, vendors.ErrNotFound) {
			return found, err
		}
	}
	return vendors.Account{}, vendors.ErrNotFound
}

func (c client) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	var created vendors.Account
	err := c.call(ctx, true, func() error {
		created.ID = c.add(u).id
		return nil
	})
	if err != nil {
		return vendors.Account{}, err
	}
	return created, nil
}

// with lets effect work on the live account of that id; a missing one is 404.
func (c client) with(id string, effect func(*account)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.accounts {
		if a.id == id && !a.deleted {
			effect(a)
			return nil
		}
	}
	return &vendors.Error{Vendor: "acme", Status: 404, Class: vendors.Permanent}
}

func (c client) Delete(ctx context.Context, from vendors.Origin, a vendors.Account) error {
	err := c.call(ctx, false, func() error {
		return c.with(a.ID, func(a *account) {
			c.deleting(from.Key, a.id)
			a.deleted, a.courses = true, nil
		})
	})
	if vendors.IsGone(err) {
		return nil
	}
	return err
}

func (c client) Enroll(ctx context.Context, e vendors.Enrollment) error {
	return c.call(ctx, true, func() error {
		return c.with(e.Account.ID, func(a *account) { a.courses = append(a.courses, e.Course.ID) })
	})
}

func (c client) Enrolled(ctx context.Context, a vendors.Account, course vendors.Course) (bool, error) {
	var in bool
	err := c.call(ctx, false, func() error {
		return c.with(a.ID, func(a *account) { in = slices.Contains(a.courses, course.ID) })
	})
	if err != nil {
		return false, err
	}
	return in, nil
}

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
