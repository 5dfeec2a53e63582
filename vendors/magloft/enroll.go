package magloft

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/vendors"
)

// CourseSubscription is the course id of the plain subscription. Any other course id is the
// number of a classification.
const CourseSubscription = "subscription"

// Renews marks Enroll as repeatable: Enroll is an upsert and updates the dates of the
// subscription.
func (*Readers) Renews() {}

// Enroll gives the reader an active subscription, and the classification of the course. The
// request has MagLoft's e-mail of the account, not the event's: an upsert for an unknown e-mail
// would create a second reader.
func (a *Readers) Enroll(ctx context.Context, e vendors.Enrollment) error {
	class, err := classification("enroll", e.Course)
	if err != nil {
		return err
	}
	reader, err := a.byAccount(ctx, "enroll", e.Account)
	if errors.Is(err, vendors.ErrNotFound) {
		return vendors.Fail(vendor, "enroll", "MagLoft has no such reader")
	}
	if err != nil {
		return err
	}
	wanted := plain(reader.Email, e)
	if class != 0 {
		existing, exists, err := a.subscription(ctx, reader)
		if err != nil {
			return err
		}
		wanted.ClassificationIDs = union(reader.ClassificationIDs, existing.ClassificationIDs, class)
		if exists && bool(existing.Active) {
			wanted.widen(existing, day(e))
		}
	}
	if _, err := a.api.CreateSubscription(ctx, wanted); err != nil {
		return err
	}
	return nil
}

// WantedCourse returns the form of MagLoft's course ids, or "" if id has that form.
func (Config) WantedCourse(id string) string {
	if _, err := classification("enroll", vendors.Course{ID: id}); err != nil {
		return "want " + CourseSubscription + ", or the number of a classification"
	}
	return ""
}

// classification returns the number in a course id, or 0 for the plain subscription.
func classification(op string, c vendors.Course) (int, error) {
	if c.ID == CourseSubscription {
		return 0, nil
	}
	class, err := vendors.ParseID(vendor, op, "course", c.ID)
	if err != nil {
		return 0, vendors.FailCourse(vendor, op, fmt.Sprintf(
			`the id of the course is %.40q, want "subscription" or the number of a classification`, c.ID))
	}
	return class, nil
}

// plain returns the subscription that the enrolment asks for. The first day comes from the
// event, never from the clock, so a repeat is identical.
func plain(email string, e vendors.Enrollment) SubscriptionFields {
	yes, no := true, false
	start := e.StartsOn
	if start == "" {
		start = day(e)
	}
	return SubscriptionFields{
		Email: email, StartDate: start, EndDate: e.EndsOn, Active: &yes, Upsert: &yes, Confirmation: &no,
	}
}

// day returns the date of the event, in UTC.
func day(e vendors.Enrollment) string { return e.Origin.At.UTC().Format(time.DateOnly) }

// widen keeps the existing access: all courses of a reader share one subscription, so the dates
// of a new course must not cut the dates of an old one. today is the date of the event. A
// subscription that ended before today and before the new start has nothing to keep.
func (f *SubscriptionFields) widen(existing Subscription, today string) {
	if existing.EndDate != "" && existing.EndDate < min(f.StartDate, today) {
		return
	}
	if existing.StartDate != "" && existing.StartDate < f.StartDate {
		f.StartDate = existing.StartDate
	}
	if existing.EndDate == "" || existing.EndDate > f.EndDate {
		f.EndDate = existing.EndDate
	}
}

// union returns all classifications, sorted, without duplicates: MagLoft does not document
// whether the request adds to the present classifications or replaces them.
func union(reader, subscription []vendors.Int, class int) []int {
	all := []int{class}
	for _, c := range slices.Concat(reader, subscription) {
		all = append(all, int(c))
	}
	slices.Sort(all)
	return slices.Compact(all)
}
