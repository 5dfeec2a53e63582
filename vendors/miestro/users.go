package miestro

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/usherhq/usher/vendors"
)

// Role is what a user may do (Miestro API v1.0, Get Users list, Role).
type Role int

// The roles. Members of the staff stand in the same list as the learners.
const (
	RoleUser Role = iota
	RoleOwner
	RoleAdmin
	RoleAssistant
	RoleSupportSpecialist
)

// UnmarshalJSON reads 0 and "0".
func (r *Role) UnmarshalJSON(b []byte) error { return (*vendors.Int)(r).UnmarshalJSON(b) }

// User is a user as Miestro shows it (Miestro API v1.0, Get User Details).
// Times are YYYY-MM-DD HH:MM:SS without a zone; flags are 0 or 1; what is null
// comes as the zero value. There is no field for an id of ours.
type User struct {
	ID               vendors.Int `json:"id"`
	Name             string      `json:"name"`
	Email            string      `json:"email"`
	PictureSrc       string      `json:"picture_src"`
	CompanyName      string      `json:"company_name"`
	Role             *Role       `json:"role"` // nil where the answer does not say: never take that for a learner
	PaypalEmail      string      `json:"paypal_email"`
	EmailUnsubscribe vendors.Int `json:"email_unsubscribe"`
	Version          vendors.Int `json:"version"`
	NextBillingDate  string      `json:"next_billing_date"`
	Score            json.Number `json:"score"`
	LastLoginAt      string      `json:"last_login_at"`
	CreatedAt        string      `json:"created_at"`
	PictureFullSrc   string      `json:"picture_full_src"`
	StripeCustomerID string      `json:"stripe_customer_id"`
}

// UserFields are the attributes of Add User and Update User. The document
// always shows all four and marks none as required; nil is not sent.
type UserFields struct {
	Name     *string
	Email    *string
	Password *vendors.Secret
	Role     *Role
}

// MarshalJSON writes what is not nil, the password too: it goes to the vendor.
func (f UserFields) MarshalJSON() ([]byte, error) {
	fields := map[string]any{}
	if f.Name != nil {
		fields["name"] = *f.Name
	}
	if f.Email != nil {
		fields["email"] = *f.Email
	}
	if f.Password != nil {
		fields["password"] = f.Password.Reveal()
	}
	if f.Role != nil {
		fields["role"] = int(*f.Role)
	}
	return json.Marshal(fields)
}

// ListUsers returns one page of the users (Miestro API v1.0, Get Users list).
// Search finds parts of names and e-mails: compare what comes.
func (a *API) ListUsers(ctx context.Context, q Query) (Page[User], error) {
	return list[User](ctx, a, "list users", "/users", q)
}

// AddUser makes a user (Miestro API v1.0, Add User). What it answers for an
// e-mail that is taken is not documented.
func (a *API) AddUser(ctx context.Context, f UserFields) (User, error) {
	var u User
	err := a.calls.Do(ctx, vendors.Call{Op: "add user", Method: http.MethodPost, Path: "/users", JSON: f, Out: &u})
	return u, err
}

// GetUser returns one user (Miestro API v1.0, Get User Details).
func (a *API) GetUser(ctx context.Context, userID int) (User, error) {
	var u User
	err := a.calls.Do(ctx, vendors.Call{Op: "get user", Method: http.MethodGet, Path: id("/users", userID), Out: &u})
	return u, err
}

// UpdateUser changes the fields given (Miestro API v1.0, Update User). It may be
// repeated. The answer is {}, as that of all calls that follow.
func (a *API) UpdateUser(ctx context.Context, userID int, f UserFields) error {
	return a.calls.Do(ctx, vendors.Call{Op: "update user", Method: http.MethodPut, Path: id("/users", userID), JSON: f, Repeatable: true, Out: new(done)})
}

// DeleteUser removes a user, of whatever role (Miestro API v1.0, Delete a User).
// It may be repeated; what a second one answers is not documented, nor whether
// the user could be restored.
func (a *API) DeleteUser(ctx context.Context, userID int) error {
	return a.calls.Do(ctx, vendors.Call{Op: "delete user", Method: http.MethodDelete, Path: id("/users", userID), Repeatable: true, Out: new(done)})
}

// EnrollUser puts a user into a course (Miestro API v1.0, Users, Enroll User to
// a Course). What a second one does is not documented, and no call reads
// enrolments back.
func (a *API) EnrollUser(ctx context.Context, userID, courseID int) error {
	return a.calls.Do(ctx, vendors.Call{
		Op: "enroll user", Method: http.MethodPost, Path: id("/users", userID) + "/enroll", JSON: map[string]int{"course_id": courseID},
		Out: new(done),
	})
}

// UnrollUser takes a user out of a course (Miestro API v1.0, Unroll User from a
// Course; "unroll" is the vendor's spelling). It may be repeated: a user who is
// not in the course cannot leave it. What a second one answers is not documented.
func (a *API) UnrollUser(ctx context.Context, userID, courseID int) error {
	return a.calls.Do(ctx, vendors.Call{
		Op: "unroll user", Method: http.MethodPost, Path: id("/users", userID) + "/unroll", JSON: map[string]int{"course_id": courseID},
		Repeatable: true, Out: new(done),
	})
}
