package handlers

import (
	"context"

	"github.com/usherhq/usher/vendors"
)

// The ports: what an event type asks of any vendor. A vendor's adapter has the
// methods that its API allows; a handler finds out by a type assertion, and
// what is missing comes back as the outcome unsupported.

// Provisioner creates accounts.
type Provisioner interface {
	Finder
	// Create makes an account for u, whom Find did not find. Where the vendor's
	// call may be repeated at will (an upsert), Find may find nobody and Create do
	// all. An error for which vendors.IsUnknown is true says that the account may
	// exist now. Where the vendor says that the address is taken, Create looks up
	// once more before it gives up.
	Create(ctx context.Context, from vendors.Origin, u vendors.User) (vendors.Account, error)
}

// Finder looks accounts up.
type Finder interface {
	// Find returns the account whose e-mail is exactly u's (case aside), from all
	// pages, or vendors.ErrNotFound.
	Find(ctx context.Context, u vendors.User) (vendors.Account, error)
}

// Deprovisioner deletes accounts.
type Deprovisioner interface {
	// Delete removes the account. An account that is not there is success; the
	// account of staff is a permanent error and stays.
	Delete(ctx context.Context, from vendors.Origin, a vendors.Account) error
}

// Updater brings the data of accounts up to date.
type Updater interface {
	// Update makes the account's data what u says; what u does not say stays as it
	// is. It may be repeated at will. vendors.ErrNotFound says that the vendor has
	// no such account; the account of staff is a permanent error and stays. Where
	// the answer was lost, vendors.IsUnanswered is to be true of the error: the call
	// may still land, and must not do so behind a newer one.
	Update(ctx context.Context, from vendors.Origin, a vendors.Account, u vendors.User) error
}

// Restorer brings deleted accounts back. Few vendors can.
type Restorer interface {
	// Restore brings a back, which is the account that was deleted last: its ID is
	// empty where the ledger does not know it, and u's e-mail then says whose it is.
	// One that is not deleted is success. vendors.ErrNotFound says that the vendor
	// keeps no such account, deleted or not. It may be repeated at will. For a lost
	// answer see Update.
	Restore(ctx context.Context, from vendors.Origin, a vendors.Account, u vendors.User) (vendors.Account, error)
}

// Enroller puts accounts into courses.
type Enroller interface {
	// Enroll makes the enrolment. What the vendor calls already enrolled is success.
	Enroll(ctx context.Context, e vendors.Enrollment) error
}

// Unenroller takes accounts out of courses.
type Unenroller interface {
	// Unenroll ends the enrolment. An account that is not in the course is success.
	// It may be repeated at will. For a lost answer see Update.
	Unenroll(ctx context.Context, e vendors.Enrollment) error
}

// EnrollmentReader tells who is in a course. Few vendors can.
type EnrollmentReader interface {
	Enrolled(ctx context.Context, a vendors.Account, c vendors.Course) (bool, error)
}

// Renewer is an Enroller whose call may be repeated at will and brings an
// existing enrolment up to date.
type Renewer interface {
	Enroller
	Renews()
}

// Addresser is a vendor that knows users by our own ids, and so needs no look-up
// and no map of courses.
type Addresser interface {
	AccountOf(userID string) vendors.Account
}

// Tracker records activity.
type Tracker interface {
	Track(ctx context.Context, a vendors.Activity) error
}
