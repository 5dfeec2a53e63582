package vendortest

import (
	"context"

	"github.com/usherhq/usher/vendors"
)

// ports returns a call of each port of the adapter.
func (b *bench) ports() map[string]func(context.Context) error {
	ports := map[string]func(context.Context) error{}
	if p, ok := b.adapter.(vendors.Finder); ok {
		ports[Find] = func(ctx context.Context) error { _, err := p.Find(ctx, person); return err }
	}
	if p, ok := b.adapter.(vendors.Provisioner); ok {
		ports[Create] = func(ctx context.Context) error { _, err := p.Create(ctx, origin, stranger); return err }
	}
	if p, ok := b.adapter.(vendors.Updater); ok {
		ports[Update] = func(ctx context.Context) error { return p.Update(ctx, later(1), b.shown(), b.changed) }
	}
	if p, ok := b.adapter.(vendors.Restorer); ok {
		ports[Restore] = func(ctx context.Context) error { _, err := p.Restore(ctx, later(1), b.shown(), person); return err }
	}
	if p, ok := b.adapter.(vendors.Disabler); ok {
		ports[Disable] = func(ctx context.Context) error { return p.Disable(ctx, later(1), b.shown()) }
		ports[Enable] = func(ctx context.Context) error { return p.Enable(ctx, later(2), b.shown()) }
	}
	if p, ok := b.adapter.(vendors.Unenroller); ok {
		ports[Unenroll] = func(ctx context.Context) error { return p.Unenroll(ctx, b.enrollment()) }
	}
	if p, ok := b.adapter.(vendors.Deprovisioner); ok {
		ports[Delete] = func(ctx context.Context) error { return p.Delete(ctx, origin, b.account) }
	}
	if p, ok := b.adapter.(vendors.Enroller); ok {
		ports[Enroll] = func(ctx context.Context) error { return p.Enroll(ctx, b.enrollment()) }
	}
	if p, ok := b.adapter.(vendors.EnrollmentReader); ok {
		ports[Enrolled] = func(ctx context.Context) error {
			_, err := p.Enrolled(ctx, b.account, vendors.Course{ID: b.course, Ours: "ours"})
			return err
		}
	}
	if p, ok := b.adapter.(vendors.Tracker); ok {
		ports[Track] = func(ctx context.Context) error { return p.Track(ctx, activity()) }
	}
	if p, ok := b.adapter.(vendors.Lister); ok {
		ports[List] = func(ctx context.Context) error {
			return p.List(ctx, func(vendors.Listed) error { return nil })
		}
		ports[Show] = func(ctx context.Context) error { _, err := p.Show(ctx, b.shown()); return err }
	}
	if p, ok := b.adapter.(vendors.CourseLister); ok {
		ports[Courses] = func(ctx context.Context) error {
			return p.ListCourses(ctx, func(vendors.ListedCourse) error { return nil })
		}
	}
	return ports
}

// shown returns the account of person, with the e-mail.
func (b *bench) shown() vendors.Account {
	return vendors.Account{ID: b.account.ID, Email: person.Email}
}

func (b *bench) enrollment() vendors.Enrollment {
	return vendors.Enrollment{
		Origin: origin, UserID: person.ID, Account: b.account, Email: person.Email,
		Course: vendors.Course{ID: b.course, Ours: "ours"}, StartsOn: "2026-03-02",
	}
}

func activity() vendors.Activity {
	return vendors.Activity{
		Origin: origin, UserID: person.ID, Name: "lesson_completed", At: origin.At,
		Properties: []byte(`{"teacher":"Augusta Lovelace"}`),
	}
}
