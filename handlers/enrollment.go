package handlers

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// Courses maps our course ids to the ids at vendors: our id → vendor → vendor's id.
type Courses map[string]map[string]string

// EnrollmentRequested handles enrollment.requested: enrols the user's account in the course, at
// the vendors with the course. names are all vendors, on or off.
func EnrollmentRequested(courses Courses, names []string) Handler {
	return Handler{
		Type: events.EnrollmentRequested, Scope: events.ScopeOf(events.EnrollmentRequested), Change: "enroll", Supports: always,
		Plan: courses.plan(names, data[events.EnrollmentRequestedData], enroll),
	}
}

// plan returns Handler.Plan for a type that changes one course. read decodes the data, and do
// makes the change.
func (c Courses) plan(
	names []string,
	read func(events.Event) (events.EnrollmentRequestedData, error),
	do func(ctx context.Context, v Vendor, k Known, e vendors.Enrollment) (Reply, error),
) func(Vendor, events.Event) (Plan, error) {
	return func(v Vendor, e events.Event) (Plan, error) {
		d, err := read(e)
		if err != nil {
			return Plan{}, err
		}
		if d.Vendor != "" && !slices.Contains(names, d.Vendor) {
			return Plan{UserID: d.UserID, Skip: !enrolls(v.Adapter)}, &events.InvalidError{Pointer: "/data/vendor", Rule: "vendor", Detail: "no such vendor"}
		}
		course, takesPart, err := c.at(v, d)
		if err != nil || !takesPart {
			return Plan{UserID: d.UserID, Course: d.CourseID, Skip: !takesPart}, err
		}
		return Plan{UserID: d.UserID, Course: d.CourseID, Do: func(ctx context.Context, k Known) (Reply, error) {
			return do(ctx, v, k, vendors.Enrollment{
				Origin: k.From, UserID: d.UserID, Account: k.Account, Email: d.Email,
				Course: course, StartsOn: d.StartsOn, EndsOn: d.EndsOn,
			})
		}}, nil
	}
}

// at returns the vendor's course for an event, and whether the vendor takes part. A vendor that cannot
// enrol takes part if the course or the event names the vendor.
func (c Courses) at(v Vendor, d events.EnrollmentRequestedData) (vendors.Course, bool, error) {
	mapped, known := c[d.CourseID]
	theirs, here := mapped[v.Name]
	_, ownIDs := vendors.Port[vendors.Addresser](v.Adapter)
	_, notNumber := strconv.ParseUint(d.CourseID, 10, 63)
	direct := d.Vendor == v.Name && notNumber == nil
	course := vendors.Course{ID: theirs, Ours: d.CourseID}
	switch {
	case d.Vendor != "" && d.Vendor != v.Name:
		return course, false, nil
	case here:
		return course, true, nil
	case direct, ownIDs && (known || d.Vendor == v.Name):
		course.ID = d.CourseID
		return course, true, nil
	case known && d.Vendor == "":
		return course, false, nil
	default:
		return course, enrolls(v.Adapter) || d.Vendor != "", unknownCourse(d.CourseID)
	}
}

// enrolls reports whether a vendor can enrol.
func enrolls(adapter vendors.Adapter) bool {
	_, ok := vendors.Port[vendors.Enroller](adapter)
	return ok
}

// ruleCourse is the rule of an event with a course that the configuration does not have.
const ruleCourse = "course"

// unknownCourse returns the fault of an event with a course that is mapped nowhere.
func unknownCourse(id string) error {
	return &events.InvalidError{
		Pointer: "/data/course_id", Rule: ruleCourse,
		Detail: namedCourse(id) + " is mapped nowhere: add it under courses in the configuration",
	}
}

// courseID is the form of the course ids that messages name. Other texts may be personal data.
var courseID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$`)

// namedCourse names a course in a message.
func namedCourse(id string) string {
	if !courseID.MatchString(id) {
		return "the course"
	}
	return "course " + id
}

// enroll makes the enrolment once, if the vendor or the record can tell. An account from before
// Usher is looked up and adopted.
func enroll(ctx context.Context, v Vendor, k Known, e vendors.Enrollment) (Reply, error) {
	p, ok := vendors.Port[vendors.Enroller](v.Adapter)
	if !ok {
		return unsupported, nil
	}
	account, by, err := v.locate(ctx, vendors.User{ID: e.UserID, Email: e.Email}, k)
	if err != nil {
		return Reply{}, err
	}
	e.Account = account
	_, renews := vendors.Port[vendors.Renewer](v.Adapter)
	if k.Enrolled && !renews {
		return Reply{Outcome: events.AlreadyDone, Account: e.Account, Action: events.ActionNone, MatchedBy: by}, nil
	}
	reader, reads := vendors.Port[vendors.EnrollmentReader](v.Adapter)
	if reads {
		in, err := reader.Enrolled(ctx, e.Account, e.Course)
		if err != nil {
			return Reply{}, err
		}
		if in {
			return Reply{Outcome: k.found(), Account: e.Account, Action: k.action(events.ActionEnrolled), MatchedBy: by}, nil
		}
	}
	err = p.Enroll(ctx, e)
	if !reads && !renews {
		err = onlyOnce(err)
	}
	return Reply{Outcome: events.Done, Account: e.Account, Action: events.ActionEnrolled, MatchedBy: by}.with(err)
}

// onlyOnce makes the error of an enrolment permanent if the vendor answered, but the response
// cannot be understood. A repeat at a vendor that shows no enrolments could enrol twice.
func onlyOnce(err error) error {
	if e, ok := errors.AsType[*vendors.Error](err); ok && e.Unreadable && e.Unknown {
		e.Class = vendors.Permanent
	}
	return err
}
