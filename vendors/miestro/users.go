package miestro

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/usherhq/usher/vendors"
)

// Role is a user's role (Miestro API v1.0, Get Users list, Role).
type Role int

// The roles. Staff and learners are in one list.
const (
	RoleUser Role = iota
	RoleOwner
	RoleAdmin
	RoleAssistant
	RoleSupportSpecialist
)

// roleUnknown is the role of a user whose role is empty. Such a user must not count as a learner.
const roleUnknown Role = -1

// UnmarshalJSON reads 0, "0" and 0.0.
func (r *Role) UnmarshalJSON(b []byte) error {
	if !bytes.ContainsAny(b, "0123456789") {
		*r = roleUnknown
		return nil
	}
	return (*vendors.Int)(r).UnmarshalJSON(b)
}

// User is a user as shown by Miestro (Miestro API v1.0, Get User Details). Times are YYYY-MM-DD
// HH:MM:SS without a zone, flags are 0 or 1, and null becomes the zero value. There is no field
// for our user id.
type User struct {
	ID               vendors.Int `json:"id"`
	Name             string      `json:"name"`
	Email            string      `json:"email"`
	PictureSrc       string      `json:"picture_src"`
	CompanyName      string      `json:"company_name"`
	Role             *Role       `json:"role"` // nil if missing, which must not count as a learner
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

// UserFields has the parameters of Add User and Update User. The document shows all four and
// marks none as required. nil is not sent.
type UserFields struct {
	Name     *string
	Email    *string
	Password *vendors.Secret
	Role     *Role
}

// MarshalJSON writes the fields that are not nil, with the password in clear text for the
// vendor.
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

// ListUsers is GET /users (Miestro API v1.0, Get Users list): one page of users. Search matches
// parts of names and e-mails: compare the results.
func (a *API) ListUsers(ctx context.Context, q Query) (Page[User], error) {
	return list[User](ctx, a, "list users", "/users", q)
}

// AddUser is POST /users (Miestro API v1.0, Add User). The response to a taken e-mail is
// undocumented.
func (a *API) AddUser(ctx context.Context, f UserFields) (User, error) {
	var u User
	err := a.calls.Do(ctx, vendors.Call{Op: "add user", Method: http.MethodPost, Path: "/users", JSON: f, Out: &u})
	return u, err
}

// GetUser is GET /users/{id} (Miestro API v1.0, Get User Details). A response without a user counts
// as 404 if Miestro shows another user.
func (a *API) GetUser(ctx context.Context, userID int) (User, error) {
	return a.getUser(ctx, userID, a.showsUsers)
}

func (a *API) getUser(ctx context.Context, userID int, control func(context.Context) error) (User, error) {
	var u User
	err := a.calls.Do(ctx, vendors.Call{Op: "get user", Method: http.MethodGet, Path: id("/users", userID), Control: control, Out: &u})
	return u, err
}

// showsUsers returns an error unless Miestro shows the first user of the list, if any.
func (a *API) showsUsers(ctx context.Context) error {
	page, err := a.ListUsers(ctx, Query{Count: 1, SortBy: "id:asc"})
	if err != nil || len(page.Data) == 0 {
		return err
	}
	first := page.Data[0].ID
	shown, err := a.getUser(ctx, int(first), nil)
	if err == nil && (first <= 0 || shown.ID != first) {
		err = &vendors.Error{Vendor: vendor, Op: "get user", Status: http.StatusOK, Unreadable: true, Message: "the response is not the requested user"}
	}
	return err
}

// UpdateUser is PUT /users/{id} (Miestro API v1.0, Update User): changes the given fields. A
// repeat has no further effect. The response is {}, as for all calls below.
func (a *API) UpdateUser(ctx context.Context, userID int, f UserFields) error {
	return a.calls.Do(ctx, vendors.Call{Op: "update user", Method: http.MethodPut, Path: id("/users", userID), JSON: f, Repeatable: true, NoContent: new(bool), Out: new(done)})
}

// DeleteUser is DELETE /users/{id} (Miestro API v1.0, Delete a User), for users of any role. A
// repeat has no further effect. The response to a repeat, and whether the user can be restored,
// is undocumented.
func (a *API) DeleteUser(ctx context.Context, userID int) error {
	return a.calls.Do(ctx, vendors.Call{Op: "delete user", Method: http.MethodDelete, Path: id("/users", userID), Repeatable: true, NoContent: new(bool), Out: new(done)})
}

// EnrollUser is POST /users/{id}/enroll (Miestro API v1.0, Users, Enroll User to a Course). The
// effect of a repeat is undocumented, and no call reads enrolments.
func (a *API) EnrollUser(ctx context.Context, userID, courseID int) error {
	return a.calls.Do(ctx, vendors.Call{
		Op: "enroll user", Method: http.MethodPost, Path: id("/users", userID) + "/enroll", JSON: map[string]int{"course_id": courseID},
		NoContent: new(bool), Out: new(done),
	})
}

// UnrollUser is POST /users/{id}/unroll (Miestro API v1.0, Unroll User from a Course; "unroll"
// is the vendor's spelling). A repeat has no further effect; the response to a repeat is
// undocumented.
func (a *API) UnrollUser(ctx context.Context, userID, courseID int) error {
	return a.calls.Do(ctx, vendors.Call{
		Op: "unroll user", Method: http.MethodPost, Path: id("/users", userID) + "/unroll", JSON: map[string]int{"course_id": courseID},
		Repeatable: true, NoContent: new(bool), Out: new(done),
	})
}
