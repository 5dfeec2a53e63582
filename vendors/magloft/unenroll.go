package magloft

import (
	"context"
	"errors"
	"slices"

	"github.com/usherhq/usher/vendors"
)

// Unenroll ends the reader's subscription, or removes the classification of the course and
// keeps the others. A reader without the course, and a missing reader, are success.
func (a *Readers) Unenroll(ctx context.Context, e vendors.Enrollment) error {
	class, err := classification("unenroll", e.Course)
	if err != nil {
		return err
	}
	reader, err := a.byAccount(ctx, "unenroll", e.Account)
	switch {
	case errors.Is(err, vendors.ErrNotFound):
		return nil
	case err != nil:
		return err
	case class == 0:
		err = a.end(ctx, reader)
	default:
		err = a.declassify(ctx, reader, class)
	}
	return err
}

// end deactivates the reader's subscription, if any.
func (a *Readers) end(ctx context.Context, r Reader) error {
	s, exists, err := a.subscription(ctx, r)
	if err != nil || !exists || !bool(s.Active) {
		return err
	}
	inactive := false
	if err = a.api.UpdateSubscription(ctx, int(s.ID), SubscriptionFields{Active: &inactive}); vendors.IsGone(err) {
		return nil
	}
	return err
}

// declassify sends the remaining classifications and reads the result: MagLoft does not
// document whether the request adds classifications or replaces them.
func (a *Readers) declassify(ctx context.Context, r Reader, class int) error {
	s, exists, err := a.subscription(ctx, r)
	if err != nil || !classified(r, s, class) {
		return err
	}
	left := slices.DeleteFunc(union(r.ClassificationIDs, s.ClassificationIDs, class), func(c int) bool { return c == class })
	if err := a.classify(ctx, r, s, left); err != nil {
		return err
	}
	if r, err = a.api.ReaderByID(ctx, int(r.ID)); err == nil && exists {
		s, err = a.api.SubscriptionByID(ctx, int(s.ID))
	}
	switch {
	case vendors.IsGone(err):
		return nil
	case err == nil && classified(r, s, class):
		return vendors.Fail(vendor, "unenroll", "MagLoft keeps the classification, although only the others were sent").WithRemedy("remove the classification in the portal")
	}
	return err
}

// classify sets all classifications by Enroll's call, with the dates and state of the
// subscription. A reader without a subscription gets none: the classifications are then set on
// the reader alone.
func (a *Readers) classify(ctx context.Context, r Reader, s Subscription, all []int) error {
	if s.ID == 0 {
		return a.api.UpdateReader(ctx, int(r.ID), ReaderFields{ClassificationIDs: all})
	}
	active := bool(s.Active)
	yes := true
	no := false
	_, err := a.api.CreateSubscription(ctx, SubscriptionFields{
		Email: r.Email, StartDate: s.StartDate, EndDate: s.EndDate, Active: &active, Upsert: &yes, Confirmation: &no, ClassificationIDs: all,
	})
	return err
}

// classified reports whether the reader or the subscription has the classification.
func classified(r Reader, s Subscription, class int) bool {
	return slices.Contains(r.ClassificationIDs, vendors.Int(class)) || slices.Contains(s.ClassificationIDs, vendors.Int(class))
}
