package lead

import (
	"context"
	"errors"
	"slices"

	"github.com/usherhq/usher/vendors"
)

// Enroll posts to the configured path and then reads the user's courses. The courses decide
// about success, not the response to the POST.
func (a *Adapter) Enroll(ctx context.Context, e vendors.Enrollment) error {
	if a.enroll == "" {
		return vendors.Fail(vendor, "enroll", "unsupported by LEAD's documentation").WithRemedy("set USHER_LEAD_ENROLL_PATH to the enrolment path of your tenant")
	}
	user, course, err := numbers("enroll", e.Account, e.Course)
	if err != nil {
		return err
	}
	refusal := a.api.EnrollBy(ctx, a.enroll, user, course)
	if refusal != nil && vendors.ClassOf(refusal) != vendors.Permanent {
		return refusal
	}
	in, err := a.Enrolled(ctx, e.Account, e.Course)
	switch {
	case in:
		return nil
	case refusal != nil && (err == nil || vendors.ClassOf(err) == vendors.Permanent):
		return refusal
	case refusal != nil:
		return err
	case err != nil:
		return &vendors.Error{Vendor: vendor, Op: "enroll", Message: "the enrolment was accepted, but cannot be read back", Err: err, Unknown: true}
	}
	return &vendors.Error{Vendor: vendor, Op: "enroll", Message: "the enrolment was accepted, but the user's courses do not show the enrolment", Unknown: true}
}

// Enrolled reads the user's courses and reports whether c is among them.
func (a *Adapter) Enrolled(ctx context.Context, acc vendors.Account, c vendors.Course) (bool, error) {
	user, wanted, err := numbers("list courses", acc, c)
	if err != nil {
		return false, err
	}
	courses, err := a.api.UserCourses(ctx, user)
	switch {
	case err != nil:
		return false, err
	case courses == nil:
		return false, &vendors.Error{Vendor: vendor, Op: "list courses", Unreadable: true, Message: "the response has no list of courses"}
	}
	return slices.ContainsFunc(courses, func(course Course) bool { return int(course.ID) == wanted }), nil
}

// Unenroll calls the configured path if the user is in the course, and then reads the user's
// courses. The courses decide about success, not the response of the call. A missing user is in
// no course.
func (a *Adapter) Unenroll(ctx context.Context, e vendors.Enrollment) error {
	if a.unenroll == "" {
		return vendors.Fail(vendor, "unenroll", "unsupported by LEAD's documentation").WithRemedy("set USHER_LEAD_UNENROLL_PATH to the path of your tenant that ends enrolments")
	}
	user, course, err := numbers("unenroll", e.Account, e.Course)
	if err != nil {
		return err
	}
	if in, err := a.stillIn(ctx, e, user); err != nil || !in {
		return err
	}
	refusal := a.api.UnenrollBy(ctx, a.unenroll, user, course)
	if refusal != nil && vendors.ClassOf(refusal) != vendors.Permanent {
		return refusal
	}
	switch in, err := a.stillIn(ctx, e, user); {
	case err != nil:
		return err
	case in && refusal != nil:
		return refusal
	case in:
		return &vendors.Error{Vendor: vendor, Op: "unenroll", Message: "the call was accepted, but the user's courses still show the enrolment"}
	}
	return nil
}

// stillIn reports whether the user is in the course. A user unknown to LEAD is in no course.
func (a *Adapter) stillIn(ctx context.Context, e vendors.Enrollment, user int) (bool, error) {
	in, err := a.Enrolled(ctx, e.Account, e.Course)
	if !vendors.IsGone(err) {
		return in, err
	}
	if _, lookup := a.user(ctx, vendors.Account{ID: e.Account.ID, Email: e.Email}, user); lookup != nil {
		err = lookup
	}
	if errors.Is(err, vendors.ErrNotFound) {
		return false, nil
	}
	return false, err
}

// numbers returns the id of an account and the id of a course.
func numbers(op string, a vendors.Account, c vendors.Course) (int, int, error) {
	user, err := vendors.ParseID(vendor, op, "account", a.ID)
	if err != nil {
		return 0, 0, err
	}
	course, err := vendors.ParseID(vendor, op, "course", c.ID)
	return user, course, err
}
