package httpapi

import (
	"context"
	"errors"

	"github.com/usherhq/usher/vendors"
)

// Update sets the data of the account to u. Staff is a permanent error.
func (e *engine) Update(ctx context.Context, from vendors.Origin, a vendors.Account, u vendors.User) error {
	if err := e.ours(ctx, "update", a); err != nil {
		return err
	}
	return e.change(ctx, "update", e.file.Update, changeVars(from, a, u))
}

// Restore restores a deleted account. An account without an id is looked up.
func (e *engine) Restore(ctx context.Context, from vendors.Origin, a vendors.Account, u vendors.User) (vendors.Account, error) {
	if a.ID == "" && e.file.Account.Addressed {
		a.ID = u.ID
	}
	if a.ID == "" {
		p, err := e.search(ctx, u)
		if err != nil {
			return vendors.Account{}, err
		}
		a.ID = p.id
	}
	return vendors.Account{ID: a.ID}, e.change(ctx, "restore", e.file.Restore, changeVars(from, a, u))
}

// Delete deletes the account. A missing account is success. Staff is a permanent error.
func (e *engine) Delete(ctx context.Context, from vendors.Origin, a vendors.Account) error {
	return e.remove(ctx, "delete", e.file.Delete, from, a)
}

// Disable disables the account. A missing account is success. Staff is a permanent error.
func (e *engine) Disable(ctx context.Context, from vendors.Origin, a vendors.Account) error {
	return e.remove(ctx, "disable", e.file.Disable, from, a)
}

// Enable enables the account, or returns vendors.ErrNotFound.
func (e *engine) Enable(ctx context.Context, from vendors.Origin, a vendors.Account) error {
	return e.change(ctx, "enable", e.file.Enable, removalVars(from, a))
}

// remove takes access away. A missing account is success.
func (e *engine) remove(ctx context.Context, op string, calls Changes, from vendors.Origin, a vendors.Account) error {
	err := e.ours(ctx, op, a)
	if err == nil {
		err = e.change(ctx, op, calls, removalVars(from, a))
	}
	if errors.Is(err, vendors.ErrNotFound) {
		return nil
	}
	return err
}

// ours returns an error for staff, and vendors.ErrNotFound for a missing account. Without a rule for
// staff nothing is read.
func (e *engine) ours(ctx context.Context, op string, a vendors.Account) error {
	if !e.file.hasStaff() {
		return nil
	}
	p, err := e.show(ctx, op, a)
	switch {
	case err != nil:
		return err
	case p.unknown != nil:
		return vendors.FailStaff(e.file.Name, op, "account.staff cannot be evaluated: "+p.unknown.Error())
	case p.staff:
		return vendors.FailStaff(e.file.Name, op, "the account is of staff by account.staff of the file")
	}
	return nil
}

// Enroll enrols the account. An existing enrolment is success.
func (e *engine) Enroll(ctx context.Context, x vendors.Enrollment) error {
	err := e.change(ctx, "enroll", e.file.Enroll, enrollmentVars(x))
	if errors.Is(err, vendors.ErrNotFound) {
		err = vendors.Fail(e.file.Name, "enroll", "the vendor has no such account")
	}
	return err
}

// Unenroll ends the enrolment. A missing enrolment is success.
func (e *engine) Unenroll(ctx context.Context, x vendors.Enrollment) error {
	err := e.change(ctx, "unenroll", e.file.Unenroll, enrollmentVars(x))
	if errors.Is(err, vendors.ErrNotFound) {
		return nil
	}
	return err
}

// Track records the activity.
func (e *engine) Track(ctx context.Context, act vendors.Activity) error {
	return e.change(ctx, "track", Changes{*e.file.Track}, activityVars(act))
}

// change makes the calls of an operation whose conditions hold, in order. vendors.ErrNotFound means
// that the vendor has no such account.
func (e *engine) change(ctx context.Context, op string, calls Changes, vars map[string]any) error {
	for i := range calls {
		if err := e.step(ctx, op, &calls[i], vars); err != nil {
			return err
		}
	}
	return nil
}

// step makes one call of an operation, with the calls before and behind.
func (e *engine) step(ctx context.Context, op string, c *Change, vars map[string]any) error {
	s := e.scope(vars)
	if c.If.set() {
		yes, err := s.is(c.If)
		if err != nil {
			return vendors.Fail(e.file.Name, op, err.Error())
		}
		if !yes {
			return nil
		}
	}
	if c.Read != nil {
		body, err := e.readBefore(ctx, op, c.Read, s, vars)
		if err != nil {
			return err
		}
		s = s.with("read", body)
		skip, err := s.is(c.Skip)
		if err != nil {
			return vendors.Fail(e.file.Name, op, err.Error())
		}
		if skip {
			return nil
		}
	}
	out, err := e.do(ctx, request{op: op, call: &c.Request, scope: s, repeat: c.Repeat, goneBy404: op != "enroll" && op != "unenroll" && op != "track"})
	switch {
	case err != nil:
		return err
	case out.verdict == isGone:
		return e.missing(ctx, out)
	case c.Proof != nil:
		return e.prove(ctx, op, c.Proof, e.scope(vars))
	}
	return nil
}

// readBefore returns the body of the call before a change; nil if there is nothing.
func (e *engine) readBefore(ctx context.Context, op string, c *Read, s *scope, vars map[string]any) (any, error) {
	if c.InList {
		account, _ := vars["account"].(map[string]any)
		id, _ := account["id"].(string)
		p, err := e.inList(ctx, op, vendors.Account{ID: id})
		if errors.Is(err, vendors.ErrNotFound) {
			err = nil
		}
		return p.item, err
	}
	out, err := e.do(ctx, request{op: op, call: &c.Request, scope: s, reads: true})
	switch {
	case err != nil:
		return nil, err
	case out.verdict == isGone:
		return nil, e.none(ctx, out)
	case out.problem != nil:
		return nil, e.unreadable(out, out.problem.Error())
	}
	return out.body(), nil
}

// prove returns an error unless the vendor shows a change that it answered with success. A repeat
// may find the change: some vendors show old data for a while.
func (e *engine) prove(ctx context.Context, op string, p *Proof, s *scope) error {
	out, err := e.do(ctx, request{op: op, call: &p.Request, scope: s, reads: true, proof: p.Is})
	if out.verdict == isDone {
		return nil
	}
	if err == nil || vendors.IsGone(err) {
		return &vendors.Error{
			Vendor: e.file.Name, Op: op, Status: out.status, Unreadable: true,
			Message: "the vendor answered with success, and does not show the change: " + p.Is.text,
		}
	}
	return err
}
