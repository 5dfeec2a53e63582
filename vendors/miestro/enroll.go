package miestro

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/usherhq/usher/vendors"
)

// Enroll enrols the account in an existing course. Miestro has no call that reads enrolments:
// after an Unknown error, a second call cannot be distinguished from a first.
func (a *Adapter) Enroll(ctx context.Context, e vendors.Enrollment) error {
	userID, courseID, err := a.place(ctx, "enroll", e)
	if err != nil {
		return err
	}
	if err := a.api.EnrollUser(ctx, userID, courseID); err != nil && !says(err, already) {
		return err
	}
	return nil
}

// Unenroll removes the account from an existing course. A user outside the course, and a
// missing user, are success.
func (a *Adapter) Unenroll(ctx context.Context, e vendors.Enrollment) error {
	userID, courseID, err := a.place(ctx, "unenroll", e)
	if err != nil {
		return err
	}
	err = a.api.UnrollUser(ctx, userID, courseID)
	if err != nil && !vendors.IsGone(err) && !says(err, notIn) {
		return err
	}
	return nil
}

// place returns the ids of the account and of the course, and checks that the course exists:
// the error of an enrolment would not name the missing one.
func (a *Adapter) place(ctx context.Context, op string, e vendors.Enrollment) (int, int, error) {
	userID, err := vendors.ParseID(vendor, op, "account", e.Account.ID)
	if err != nil {
		return 0, 0, err
	}
	courseID, err := vendors.ParseID(vendor, op, "course", e.Course.ID)
	if err != nil {
		return 0, 0, err
	}
	err = a.api.courseThere(ctx, courseID)
	gone := vendors.IsGone(err)
	if gone {
		err = a.Check(ctx) // a missing list means a wrong base URL, not a missing course
	}
	switch {
	case err != nil:
		return 0, 0, err
	case gone:
		return 0, 0, vendors.FailCourse(vendor, op, fmt.Sprintf("Miestro has no course %d", courseID))
	}
	return userID, courseID, nil
}

// Patterns of Miestro's undocumented messages: already enrolled, and not enrolled. A user that
// cannot be unenrolled is neither.
var (
	already = regexp.MustCompile(`(?i)already.*enrol|enrol.*already`)
	notIn   = regexp.MustCompile(`(?i)\bnot (\w+ )?enroll?ed\b|\benroll?ments? (\w+ )?not (found|exist)|\bno (such )?enroll?ment`)
)

// says reports whether the vendor rejected the request with a message that matches words, with
// a 4xx or in a 200.
func says(err error, words *regexp.Regexp) bool {
	e, ok := errors.AsType[*vendors.Error](err)
	refusals := []int{http.StatusOK, http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity}
	return ok && e.Class == vendors.Permanent && slices.Contains(refusals, e.Status) && words.MatchString(e.Message)
}
