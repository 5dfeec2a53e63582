package handlers

import (
	"context"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// EnrollmentCancelled handles enrollment.cancelled: removes the user's account from the course,
// at the vendors with the course. names are all vendors, on or off.
func EnrollmentCancelled(courses Courses, names []string) Handler {
	return Handler{
		Type: events.EnrollmentCancelled, Scope: events.ScopeOf(events.EnrollmentCancelled), Change: "unenroll", Ends: true, Supports: always,
		Plan: courses.plan(names, func(e events.Event) (events.EnrollmentRequestedData, error) {
			d, err := data[events.EnrollmentCancelledData](e)
			return events.EnrollmentRequestedData{UserID: d.UserID, CourseID: d.CourseID, Email: d.Email, Vendor: d.Vendor}, err
		}, unenroll),
	}
}

// unenroll ends the enrolment even without one in the record, because the enrolment may have been
// made by hand. A deleted user is in no course. A user without a known account may be on the
// way, with the enrolment.
func unenroll(ctx context.Context, v Vendor, k Known, e vendors.Enrollment) (Reply, error) {
	p, ok := vendors.Port[vendors.Unenroller](v.Adapter)
	if !ok {
		return unsupported, nil
	}
	if k.Gone && !k.known() {
		return Reply{Outcome: k.found(), Action: k.action(events.ActionUnenrolled)}, nil
	}
	account, by, err := v.locate(ctx, vendors.User{ID: e.UserID, Email: e.Email}, k)
	if err != nil {
		return Reply{}, err
	}
	e.Account = account
	r := Reply{Outcome: events.Done, Account: account, Action: events.ActionUnenrolled, MatchedBy: by}
	return r.with(p.Unenroll(ctx, e))
}
