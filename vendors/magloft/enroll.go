package magloft

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/vendors"
)

// CourseSubscription is the course id of the plain subscription. Any other
// course id is that of a classification.
const CourseSubscription = "subscription"

// Renews says that Enroll may be repeated at will: it is an upsert, and brings
// the subscription's days up to date.
func (*Readers) Renews() {}

// Enroll gives the reader an active subscription, and the classification that
// the course stands for. It sends the e-mail that MagLoft has for the account,
// not the event's: an upsert for an e-mail that MagLoft does not know would make
// a second reader.
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

// WantedCourse says what is wanted instead of an id that is no course's.
func (Config) WantedCourse(id string) string {
	if _, err := classification("enroll", vendors.Course{ID: id}); err != nil {
		return "want " + CourseSubscription + ", or the number of a classification"
	}
	return ""
}

// classification reads a course id; 0 is the plain subscription.
func classification(op string, c vendors.Course) (int, error) {
	if c.ID == CourseSubscription {
		return 0, nil
	}
	class, err := vendors.ParseID(vendor, op, "course", c.ID)
	if err != nil {
		return 0, vendors.Fail(vendor, op, fmt.Sprintf(
			`the id of the course is %.40q, want "subscription" or the number of a classification: correct the id under courses in the configuration`, c.ID))
	}
	return class, nil
}

// plain is the subscription that the enrolment asks for. Its first day comes
// from the event, never from the clock: a repeat says the same.
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

// day is that of the event.
func day(e vendors.Enrollment) string { return e.Origin.At.UTC().Format(time.DateOnly) }

// widen keeps what the reader may read already: all of a reader's courses share
// one subscription, so that the days of a new one must not cut those of an old one.
// A subscription that ended before both today, which is the event's day, and the
// start of the new one has nothing to keep.
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

// union returns all classifications, sorted, each once: whether MagLoft adds
// what is sent or replaces what is there is not documented.
func union(reader, subscription []vendors.Int, class int) []int {
	all := []int{class}
	for _, c := range slices.Concat(reader, subscription) {
		all = append(all, int(c))
	}
	slices.Sort(all)
	return slices.Compact(all)
}
