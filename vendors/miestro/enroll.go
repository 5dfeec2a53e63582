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

// Enroll puts the account into the course, which must be there. Miestro has no
// call that reads enrolments back: after an Unknown error a second call cannot
// be told from a first one.
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

// Unenroll takes the account out of the course, which must be there. A user who
// is not in it is success, and so is one who is not there at all.
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

// place reads the ids of the account and of the course, and asks whether there is
// such a course: an enrolment's refusal would not say what it is that is missing.
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
		err = a.Check(ctx) // where there is no list either, it is not the course that is missing
	}
	switch {
	case err != nil:
		return 0, 0, err
	case gone:
		return 0, 0, vendors.Fail(vendor, op, fmt.Sprintf("Miestro has no course %d: correct the id under courses in the configuration", courseID))
	}
	return userID, courseID, nil
}

// What Miestro says of an enrolment that is there already, and of one that is not
// there, is not documented. That somebody cannot be unenrolled is neither.
var (
	already = regexp.MustCompile(`(?i)already.*enrol|enrol.*already`)
	notIn   = regexp.MustCompile(`(?i)\bnot (\w+ )?enroll?ed\b|\benroll?ments? (\w+ )?not (found|exist)|\bno (such )?enroll?ment`)
)

// says tells whether a refusal of the request has the words, also one within 200.
func says(err error, words *regexp.Regexp) bool {
	e, ok := errors.AsType[*vendors.Error](err)
	refusals := []int{http.StatusOK, http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity}
	return ok && e.Class == vendors.Permanent && slices.Contains(refusals, e.Status) && words.MatchString(e.Message)
}
