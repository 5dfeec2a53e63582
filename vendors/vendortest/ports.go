package vendortest

import (
	"context"

	"github.com/usherhq/usher/vendors"
)

// ports returns a call of each port of the adapter.
func (b *bench) ports() map[string]func(context.Context) error {
	ports := map[string]func(context.Context) error{}
	if p, ok := vendors.Port[vendors.Finder](b.adapter); ok {
		ports[Find] = func(ctx context.Context) error { _, err := p.Find(ctx, person); return err }
	}
	if p, ok := vendors.Port[vendors.Provisioner](b.adapter); ok {
		ports[Create] = func(ctx context.Context) error { _, err := p.Create(ctx, origin, stranger); return err }
	}
	if p, ok := vendors.Port[vendors.Updater](b.adapter); ok {
		ports[Update] = func(ctx context.Context) error { return p.Update(ctx, later(1), b.shown(), b.changed) }
	}
	if p, ok := vendors.Port[vendors.Restorer](b.adapter); ok {
		ports[Restore] = func(ctx context.Context) error { _, err := p.Restore(ctx, later(1), b.shown(), person); return err }
	}
	if p, ok := vendors.Port[vendors.Disabler](b.adapter); ok {
		ports[Disable] = func(ctx context.Context) error { return p.Disable(ctx, later(1), b.shown()) }
		ports[Enable] = func(ctx context.Context) error { return p.Enable(ctx, later(2), b.shown()) }
	}
	if p, ok := vendors.Port[vendors.Unenroller](b.adapter); ok {
		ports[Unenroll] = func(ctx context.Context) error { return p.Unenroll(ctx, b.enrollment()) }
	}
	if p, ok := vendors.Port[vendors.Deprovisioner](b.adapter); ok {
		ports[Delete] = func(ctx context.Context) error { return p.Delete(ctx, origin, b.account) }
	}
	if p, ok := vendors.Port[vendors.Enroller](b.adapter); ok {
		ports[Enroll] = func(ctx context.Context) error { return p.Enroll(ctx, b.enrollment()) }
	}
	if p, ok := vendors.Port[vendors.EnrollmentReader](b.adapter); ok {
		ports[Enrolled] = func(ctx context.Context) error {
			_, err := p.Enrolled(ctx, b.account, vendors.Course{ID: b.course, Ours: "ours"})
			return err
		}
	}
	if p, ok := vendors.Port[vendors.Tracker](b.adapter); ok {
		ports[Track] = func(ctx context.Context) error { return p.Track(ctx, activity()) }
	}
	if p, ok := vendors.Port[vendors.Lister](b.adapter); ok {
		ports[List] = func(ctx context.Context) error {
			return p.List(ctx, func(vendors.Listed) error { return nil })
		}
		ports[Show] = func(ctx context.Context) error { _, err := p.Show(ctx, b.shown()); return err }
	}
	if p, ok := vendors.Port[vendors.CourseLister](b.adapter); ok {
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

// portOf returns a port that the adapter has, or nil.
func portOf[P any](a vendors.Adapter) P {
	p, _ := vendors.Port[P](a)
	return p
}
