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
	Note string // such as the id of the new account
	Err  error
}

var (
	errExists  = errors.New("the address has an account: give an address without one")
	errStill   = errors.New("the account is still found after the deletion")
	errOther   = errors.New("the look-up after the creation finds another account")
	errNotIn   = errors.New("the vendor does not show the enrolment")
	errIn      = errors.New("enrolled is true before the enrolment")
	errNoUsers = errors.New("the file has no create: nothing to try but the check")
)

// removal bounds the removal of the account after an interrupt. A call begins only if the rest is
// longer than the timeout of the vendor.
const removal = 10 * time.Minute

// live is the state of Live.
type live struct {
	report  func(Result)
	failed  string // first failed step
	left    bool   // whether the account is at the vendor
	adapter vendors.Adapter
	user    vendors.User
	account vendors.Account
	origin  vendors.Origin
}

// Live makes each operation of an adapter once at the real vendor, for a new user, and calls report
// after each step. The user is removed at the end if the adapter can, also after a failed step and
// after the end of ctx. The error is the first failed step, and names an account that stays.
func Live(ctx context.Context, a vendors.Adapter, email, courseID string, report func(Result)) error {
	l := &live{
		adapter: a, report: report, origin: vendors.Origin{Key: fmt.Sprintf("%x", rand.Text()), At: time.Now()},
		user: vendors.User{ID: "usher-test-" + rand.Text()[:12], Email: email, FirstName: "Usher", LastName: "Test"},
	}
	if l.step(ctx, "check", func() error { return a.Check(ctx) }) == nil && l.begin(ctx) == nil {
		l.changes(ctx)
		l.enrolment(ctx, courseID)
	}
	if l.left {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
		defer cancel()
		l.end(last)
	}
	var errs []error
	if err := ctx.Err(); err != nil {
		errs = append(errs, err)
	}
	if l.failed != "" {
		errs = append(errs, fmt.Errorf("%s failed", l.failed))
	}
	if l.left {
		errs = append(errs, fmt.Errorf("the account %s is still at the vendor: remove it there", l.account.ID))
	}
	return errors.Join(errs...)
}

// step makes one step, and reports the result. After the end of ctx no step begins.
func (l *live) step(ctx context.Context, name string, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := f()
	r := Result{Step: name, Err: err}
	if name == stepCreate && err == nil {
		r.Note = "account " + l.account.ID
	}
	if err != nil && l.failed == "" {
		l.failed = name
	}
	l.report(r)
	return err
}

const stepCreate = "create"

// begin creates the user, unless the address has an account already.
func (l *live) begin(ctx context.Context) error {
	p, ok := vendors.Port[vendors.Provisioner](l.adapter)
	if !ok {
		return l.step(ctx, stepCreate, func() error { return errNoUsers })
	}
	err := l.step(ctx, "find nobody", func() error {
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
	err = l.step(ctx, stepCreate, func() (err error) { l.account, err = p.Create(ctx, l.origin, l.user); return err })
	if err != nil {
		l.search(ctx, p)
		return err
	}
	l.left, l.account.Email = true, l.user.Email
	if _, addressed := vendors.Port[vendors.Addresser](l.adapter); addressed {
		return nil
	}
	_ = l.step(ctx, "find the account", func() error {
		found, err := p.Find(ctx, l.user)
		if err == nil && found.ID != l.account.ID {
			err = errOther
		}
		return err
	})
	return nil // the account is there, and is to be removed
}

// search looks for the account of a creation that failed: the vendor may have made it all the same.
func (l *live) search(ctx context.Context, p vendors.Provisioner) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
	defer cancel()
	_ = l.step(ctx, "find what is left", func() error {
		found, err := p.Find(ctx, l.user)
		switch {
		case errors.Is(err, vendors.ErrNotFound):
			return nil
		case err != nil:
			return fmt.Errorf("the vendor may have made an account for the address given by --email: look there: %w", err)
		}
		l.left, l.account = true, found
		l.account.Email = l.user.Email
		return nil
	})
}

// changes updates, disables and enables the account.
func (l *live) changes(ctx context.Context) {
	if p, ok := vendors.Port[vendors.Updater](l.adapter); ok {
		changed := l.user
		changed.FirstName = "Changed"
		_ = l.step(ctx, "update", func() error { return p.Update(ctx, l.origin, l.account, changed) })
		_ = l.step(ctx, "update again", func() error { return p.Update(ctx, l.origin, l.account, changed) })
	}
	if p, ok := vendors.Port[vendors.Disabler](l.adapter); ok {
		_ = l.step(ctx, "disable", func() error { return p.Disable(ctx, l.origin, l.account) })
		_ = l.step(ctx, "enable", func() error { return p.Enable(ctx, l.origin, l.account) })
	}
}

// enrolment enrols the account, and ends the enrolment.
func (l *live) enrolment(ctx context.Context, courseID string) {
	p, ok := vendors.Port[vendors.Enroller](l.adapter)
	if !ok || courseID == "" {
		return
	}
	x := vendors.Enrollment{Origin: l.origin, UserID: l.user.ID, Account: l.account, Email: l.user.Email, Course: vendors.Course{ID: courseID, Ours: courseID}}
	l.reads(ctx, "read no enrolment", x.Course, false)
	if l.step(ctx, "enroll", func() error { return p.Enroll(ctx, x) }) != nil {
		return
	}
	l.reads(ctx, "read the enrolment", x.Course, true)
	if q, ok := vendors.Port[vendors.Unenroller](l.adapter); ok {
		_ = l.step(ctx, "unenroll", func() error { return q.Unenroll(ctx, x) })
		_ = l.step(ctx, "unenroll again", func() error { return q.Unenroll(ctx, x) })
	}
}

// reads compares the call enrolled with the truth.
func (l *live) reads(ctx context.Context, step string, course vendors.Course, want bool) {
	q, ok := vendors.Port[vendors.EnrollmentReader](l.adapter)
	if !ok {
		return
	}
	_ = l.step(ctx, step, func() error {
		in, err := q.Enrolled(ctx, l.account, course)
		switch {
		case err == nil && in && !want:
			err = errIn
		case err == nil && !in && want:
			err = errNotIn
		}
		return err
	})
}

// end removes the account, and looks for it.
func (l *live) end(ctx context.Context) {
	p, ok := vendors.Port[vendors.Deprovisioner](l.adapter)
	if !ok {
		return
	}
	if l.step(ctx, "delete", func() error { return p.Delete(ctx, l.origin, l.account) }) != nil {
		return
	}
	l.left = false
	_ = l.step(ctx, "delete again", func() error { return p.Delete(ctx, l.origin, l.account) })
	if q, ok := vendors.Port[vendors.Finder](l.adapter); ok {
		_ = l.step(ctx, "find nobody", func() error {
			_, err := q.Find(ctx, l.user)
			l.left = err == nil
			switch {
			case err == nil:
				return errStill
			case errors.Is(err, vendors.ErrNotFound):
				return nil
			}
			return err
		})
	}
}
