package vendors

import "context"

// The ports are the interfaces through which handlers, reconciliation and the
// command line call a vendor. An adapter implements the ports that the vendor's API
// allows, and asserts each of them. A caller finds a port by a type assertion; a
// handler answers a missing one with the outcome unsupported.

// Adapter is the client of one vendor, as handlers, the core and the commands hold it.
// Every adapter checks its credentials. The other ports are found by type assertion.
type Adapter interface {
	Checker
}

// Provisioner creates accounts.
type Provisioner interface {
	Finder
	// Create makes an account for u, whom Find did not find. Where the vendor's
	// call may be repeated at will (an upsert), Find may find nobody and Create do
	// all. An error for which IsUnknown is true says that the account may exist now.
	// Where the vendor says that the address is taken, Create looks up once more
	// before it gives up.
	Create(ctx context.Context, from Origin, u User) (Account, error)
}

// Finder looks accounts up.
type Finder interface {
	// Find returns the account whose e-mail is exactly u's (case aside), from all
	// pages, or ErrNotFound.
	Find(ctx context.Context, u User) (Account, error)
}

// Deprovisioner deletes accounts.
type Deprovisioner interface {
	// Delete removes the account. An account that is not there is success; the
	// account of staff is a permanent error and stays.
	Delete(ctx context.Context, from Origin, a Account) error
}

// Updater brings the data of accounts up to date.
type Updater interface {
	// Update makes the account's data what u says; what u does not say stays as it
	// is. It may be repeated at will. ErrNotFound says that the vendor has no such
	// account; the account of staff is a permanent error and stays. Where the answer
	// was lost, IsUnanswered is to be true of the error: the call may still land, and
	// must not do so behind a newer one.
	Update(ctx context.Context, from Origin, a Account, u User) error
}

// Restorer brings deleted accounts back. Few vendors can.
type Restorer interface {
	// Restore brings a back, which is the account that was deleted last: its ID is
	// empty where the record does not know it, and u's e-mail then says whose it is.
	// One that is not deleted is success. ErrNotFound says that the vendor keeps no
	// such account, deleted or not. It may be repeated at will. For a lost answer see
	// Update.
	Restore(ctx context.Context, from Origin, a Account, u User) (Account, error)
}

// Enroller puts accounts into courses.
type Enroller interface {
	// Enroll makes the enrolment. What the vendor calls already enrolled is success.
	Enroll(ctx context.Context, e Enrollment) error
}

// Unenroller takes accounts out of courses.
type Unenroller interface {
	// Unenroll ends the enrolment. An account that is not in the course is success.
	// It may be repeated at will. For a lost answer see Update.
	Unenroll(ctx context.Context, e Enrollment) error
}

// EnrollmentReader tells who is in a course. Few vendors can.
type EnrollmentReader interface {
	Enrolled(ctx context.Context, a Account, c Course) (bool, error)
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
	AccountOf(userID string) Account
}

// Tracker records activity.
type Tracker interface {
	Track(ctx context.Context, a Activity) error
}

// Checker checks the credentials.
type Checker interface {
	// Check makes the cheapest call that shows that the vendor accepts the credentials.
	Check(ctx context.Context) error
}

// Lister lists accounts, for reconciliation.
type Lister interface {
	// List calls yield with each account, until it returns an error, which List returns.
	List(ctx context.Context, yield func(Listed) error) error
	// Show returns the account by its ID, or ErrNotFound. The e-mail may be empty; it
	// only helps to find the account.
	Show(ctx context.Context, a Account) (Listed, error)
}
