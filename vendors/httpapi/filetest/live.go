package filetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/usherhq/usher/vendors"
)

// Result is the result of one step of Live.
type Result struct {
	Step string
	Err  error
}

var (
	errExists  = errors.New("the address has an account: give an address without one")
	errStill   = errors.New("the account is still found after the deletion")
	errOther   = errors.New("the look-up after the creation finds another account")
	errNotIn   = errors.New("the vendor does not show the enrolment")
	errNoUsers = errors.New("the file has no create: nothing to try but the check")
)

// live is the state of Live.
type live struct {
	results []Result
	adapter vendors.Adapter
	user    vendors.User
	account vendors.Account
	origin  vendors.Origin
}

// Live makes each operation of an adapter once at the real vendor, for a new user, who is removed at
// the end if the adapter can. The error is the first failed step.
func Live(ctx context.Context, a vendors.Adapter, email, courseID string) ([]Result, error) {
	l := &live{
		adapter: a, origin: vendors.Origin{Key: fmt.Sprintf("%x", rand.Text()), At: time.Now()},
		user: vendors.User{ID: "usher-test-" + rand.Text()[:12], Email: email, FirstName: "Usher", LastName: "Test"},
	}
	if l.step("check", func() error { return a.Check(ctx) }) == nil && l.begin(ctx) == nil {
		l.changes(ctx)
		l.enrolment(ctx, courseID)
		l.end(ctx)
	}
	for _, r := range l.results {
		if r.Err != nil {
			return l.results, fmt.Errorf("%s failed", r.Step)
		}
	}
	return l.results, nil
}

// step makes one step, and keeps the result.
func (l *live) step(name string, f func() error) error {
	err := f()
	l.results = append(l.results, Result{name, err})
	return err
}

// begin creates the user, unless the address has an account already.
func (l *live) begin(ctx context.Context) error {
	p, ok := vendors.Port[vendors.Provisioner](l.adapter)
	if !ok {
		return l.step("create", func() error { return errNoUsers })
	}
	err := l.step("find nobody", func() error {
		_, err := p.Find(ctx, l.user)
		switch {
		case err == nil:
			return errExists
		case errors.Is(err, vendors.ErrNotFound):
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	err = l.step("create", func() (err error) { l.account, err = p.Create(ctx, l.origin, l.user); return err })
	if err != nil {
		return err
	}
	l.account.Email = l.user.Email
	if _, addressed := vendors.Port[vendors.Addresser](l.adapter); addressed {
		return nil
	}
	_ = l.step("find the account", func() error {
		found, err := p.Find(ctx, l.user)
		if err == nil && found.ID != l.account.ID {
			err = errOther
		}
		return err
	})
	return nil // the account is there, and is to be removed
}

// changes updates, disables and enables the account.
func (l *live) changes(ctx context.Context) {
	if p, ok := vendors.Port[vendors.Updater](l.adapter); ok {
		changed := l.user
		changed.FirstName = "Changed"
		_ = l.step("update", func() error { return p.Update(ctx, l.origin, l.account, changed) })
		_ = l.step("update again", func() error { return p.Update(ctx, l.origin, l.account, changed) })
	}
	if p, ok := vendors.Port[vendors.Disabler](l.adapter); ok {
		_ = l.step("disable", func() error { return p.Disable(ctx, l.origin, l.account) })
		_ = l.step("enable", func() error { return p.Enable(ctx, l.origin, l.account) })
	}
}

// enrolment enrols the account, and ends the enrolment.
func (l *live) enrolment(ctx context.Context, courseID string) {
	p, ok := vendors.Port[vendors.Enroller](l.adapter)
	if !ok || courseID == "" {
		return
	}
	x := vendors.Enrollment{Origin: l.origin, UserID: l.user.ID, Account: l.account, Email: l.user.Email, Course: vendors.Course{ID: courseID, Ours: courseID}}
	if l.step("enroll", func() error { return p.Enroll(ctx, x) }) != nil {
		return
	}
	if q, ok := vendors.Port[vendors.EnrollmentReader](l.adapter); ok {
		_ = l.step("read the enrolment", func() error {
			in, err := q.Enrolled(ctx, l.account, x.Course)
			if err == nil && !in {
				err = errNotIn
			}
			return err
		})
	}
	if q, ok := vendors.Port[vendors.Unenroller](l.adapter); ok {
		_ = l.step("unenroll", func() error { return q.Unenroll(ctx, x) })
		_ = l.step("unenroll again", func() error { return q.Unenroll(ctx, x) })
	}
}

// end removes the account, and looks for it.
func (l *live) end(ctx context.Context) {
	p, ok := vendors.Port[vendors.Deprovisioner](l.adapter)
	if !ok {
		return
	}
	if l.step("delete", func() error { return p.Delete(ctx, l.origin, l.account) }) != nil {
		return
	}
	_ = l.step("delete again", func() error { return p.Delete(ctx, l.origin, l.account) })
	if q, ok := vendors.Port[vendors.Finder](l.adapter); ok {
		_ = l.step("find nobody", func() error {
			if _, err := q.Find(ctx, l.user); !errors.Is(err, vendors.ErrNotFound) {
				return errors.Join(errStill, err)
			}
			return nil
		})
	}
}
