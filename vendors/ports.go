package vendors

import "context"

// The ports are the interfaces through which handlers, reconciliation and the commands call
// a vendor. An adapter implements the ports that the vendor's API allows, and asserts each
// port at compile time. Callers find a port by the function Port. For a handler, a missing port
// is the outcome unsupported.

// Adapter is the client of one vendor, as handlers, the core and the commands hold it.
// Every adapter checks its credentials. The other ports are found by Port.
type Adapter interface {
	Checker
}

// Provisioner creates accounts.
type Provisioner interface {
	Finder
	// Create creates an account for u after Find returned ErrNotFound. If the vendor's call is
	// an upsert, Find may always return ErrNotFound and Create does all the work. If the vendor
	// says that the address is taken, Create looks up the account once more before giving up, and
	// returns the account with Existed.
	// For an error with IsUnknown, the account may exist.
	Create(ctx context.Context, from Origin, u User) (Account, error)
}

// Finder looks up accounts.
type Finder interface {
	// Find returns the account of u from all pages of the vendor, or ErrNotFound: the account that
	// the vendor keeps under the id of u, or else the account with the e-mail of u, ignoring case.
	// An empty id or e-mail finds nobody, and most vendors keep no ids of ours. Several accounts are
	// an error of Only.
	Find(ctx context.Context, u User) (Account, error)
}

// TrashFinder is a Provisioner whose Create takes an account with the e-mail out of a trash. Few
// vendors have a trash.
type TrashFinder interface {
	// FindDeleted returns the account with the e-mail of u in the trash, or ErrNotFound.
	FindDeleted(ctx context.Context, u User) (Account, error)
}

// Deprovisioner deletes accounts.
type Deprovisioner interface {
	// Delete deletes the account. A missing account is success. A staff account is kept, with a
	// permanent error.
	Delete(ctx context.Context, from Origin, a Account) error
}

// Updater updates the data of accounts.
type Updater interface {
	// Update sets the data of the account to u; empty fields of u stay unchanged at the vendor.
	// Update may be repeated. ErrNotFound means that the vendor has no such account. A staff
	// account is kept unchanged, with a permanent error. After a lost response, IsUnanswered
	// must report true for the error: the request may still arrive and must not arrive after a
	// newer update.
	Update(ctx context.Context, from Origin, a Account, u User) error
}

// Restorer restores deleted accounts. Few vendors can.
type Restorer interface {
	// Restore restores a, the account deleted last. a.ID is empty if the record does not know
	// the id; the e-mail of u then identifies the account. An account that is not deleted is
	// success. ErrNotFound means that the vendor has no such account, deleted or not. Restore
	// may be repeated. For a lost response see Updater.Update.
	Restore(ctx context.Context, from Origin, a Account, u User) (Account, error)
}

// Disabler disables accounts that may be enabled again. Few vendors can.
type Disabler interface {
	// Disable takes the access of the account away and keeps the account. A missing or disabled
	// account is success. A staff account is kept, with a permanent error. Disable may be
	// repeated. For a lost response see Updater.Update.
	Disable(ctx context.Context, from Origin, a Account) error
	// Enable undoes Disable; the enrolments may be lost. An enabled account is success.
	// ErrNotFound means that the vendor has no such account. Enable may be repeated. For a lost
	// response see Updater.Update.
	Enable(ctx context.Context, from Origin, a Account) error
}

// Enroller enrols accounts in courses.
type Enroller interface {
	// Enroll enrols the account. An existing enrolment is success.
	Enroll(ctx context.Context, e Enrollment) error
}

// Unenroller removes accounts from courses.
type Unenroller interface {
	// Unenroll ends the enrolment. A missing enrolment is success. Unenroll may be repeated.
	// For a lost response see Updater.Update.
	Unenroll(ctx context.Context, e Enrollment) error
}

// EnrollmentReader reads enrolments. Few vendors can.
type EnrollmentReader interface {
	// Enrolled reports whether the account is in the course.
	Enrolled(ctx context.Context, a Account, c Course) (bool, error)
}

// Renewer is an Enroller whose Enroll may be repeated and updates an existing enrolment.
type Renewer interface {
	Enroller
	// Renews marks the adapter and does nothing.
	Renews()
}

// Addresser is a vendor that identifies users by our ids, and so needs no look-up and no
// mapping of courses.
type Addresser interface {
	// AccountOf returns the account of a user id.
	AccountOf(userID string) Account
}

// Tracker records activity.
type Tracker interface {
	// Track records the activity once, however often a call with the same Origin is made.
	Track(ctx context.Context, a Activity) error
}

// Checker checks the configured credentials.
type Checker interface {
	// Check makes the cheapest call that proves the credentials valid. An error has the class
	// Unusable if the vendor rejects the credentials.
	Check(ctx context.Context) error
}

// Lister lists accounts, for reconciliation.
type Lister interface {
	// List calls yield with each account. An error of yield ends List and is returned.
	List(ctx context.Context, yield func(Listed) error) error
	// Show returns the account with the id of a, or ErrNotFound. The e-mail of a may be empty;
	// some vendors use the e-mail for the look-up.
	Show(ctx context.Context, a Account) (Listed, error)
}

// CourseLister lists courses, for the ids under courses in the configuration. Few vendors can.
type CourseLister interface {
	// ListCourses calls yield with each course. An error of yield ends ListCourses and is returned.
	ListCourses(ctx context.Context, yield func(ListedCourse) error) error
}

// Composed is an adapter whose ports depend on the settings. Only Port finds the ports.
type Composed interface {
	Adapter
	// As sets the port that target points to, such as a *Provisioner, and reports whether the
	// adapter has the port.
	As(target any) bool
}

// Port returns the port P of an adapter, and whether the adapter has the port.
func Port[P any](a Adapter) (port P, ok bool) {
	if c, composed := a.(Composed); composed {
		ok = c.As(&port)
		return port, ok
	}
	port, ok = a.(P)
	return port, ok
}
