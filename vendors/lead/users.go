package lead

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// The roles of a user. Only learners are customers; the others are staff.
const (
	RoleAdmin        = "admin"
	RoleGlobalLeader = "global_leader"
	RoleLearner      = "learner"
)

// User is a user as shown by LEAD (LEAD LMS API, users). null becomes the zero value.
type User struct {
	ID                        Number          `json:"id"`
	Email                     string          `json:"email"`
	Role                      string          `json:"role"`
	Salutation                string          `json:"salutation"`
	FirstName                 string          `json:"first_name"`
	LastName                  string          `json:"last_name"`
	Suffix                    string          `json:"suffix"`
	ImpersonatingUserID       Number          `json:"impersonating_user_id"`
	StackablePersonID         Number          `json:"stackable_person_id"`
	VirtusID                  Number          `json:"virtus_id"`
	VirtusStatus              Number          `json:"virtus_status"`
	LearnerType               json.RawMessage `json:"learner_type"` // null in every sample
	Phone                     string          `json:"phone"`
	LastLogin                 Time            `json:"last_login"` // without a zone, unlike the other times
	Language                  string          `json:"language"`
	TimeZone                  string          `json:"time_zone"` // required, but null in the sample
	EnrolledInAcademy         vendors.Flag    `json:"enrolled_in_academy"`
	SMSOptIn                  vendors.Flag    `json:"sms_opt_in"`
	DisableNotifications      vendors.Flag    `json:"disable_notifications"`
	StripeCustomerID          string          `json:"stripe_customer_id"`
	ProfilePicture            string          `json:"profile_picture"`
	EmailVerifiedAt           Time            `json:"email_verified_at"`
	EmailVerificationRedirect json.RawMessage `json:"email_verification_redirect"` // null in every sample
	CreatedAt                 Time            `json:"created_at"`
	UpdatedAt                 Time            `json:"updated_at"`
	DeletedAt                 Time            `json:"deleted_at"` // set for a soft-deleted user
	Name                      string          `json:"name"`
	FullName                  string          `json:"full_name"`
	ProfilePictureURL         string          `json:"profile_picture_url"`
	Metas                     []Meta          `json:"user_metas"` // only in the response of an update
}

// Meta is a free field of a user. LEAD stores the address as JSON text in the meta with the
// slug address-object.
type Meta struct {
	Slug  string `json:"slug"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// pageSize is the documented number of users per page.
const pageSize = 25

// maxPages is the most pages of a list, a million users.
const maxPages = 40_000

// UserPage is one page of a list: Laravel's paginator.
type UserPage struct {
	Page     Number `json:"current_page"`
	Users    []User `json:"data"`
	LastPage Number `json:"last_page"`
	PerPage  Number `json:"per_page"`
	Total    Number `json:"total"` // of users on all pages
}

// LookupPath is a tenant's path for look-ups by e-mail. The versions of the page disagree.
type LookupPath string

// The look-up paths of the two versions of the page.
const (
	LookupDashed  LookupPath = "/users/email-lookup"
	LookupSlashed LookupPath = "/users/email/lookup"
)

// LookUpUser is GET api/users/email-lookup?email=[email], or the path of the newer page (LEAD
// LMS API). A missing user is 404. A path unknown to the tenant is 404 too; see Adapter.Find.
func (a *API) LookUpUser(ctx context.Context, path LookupPath, email string) (User, error) {
	return a.lookUp(ctx, path, email, nil)
}

// lookUp is LookUpUser. A response without a user counts as 404 if the control proves that the
// path shows users.
func (a *API) lookUp(ctx context.Context, path LookupPath, email string, control func(context.Context) error) (User, error) {
	call := vendors.Call{Op: "look up user", Method: http.MethodGet, Path: string(path), Query: url.Values{"email": {email}}, Control: control}
	return a.user(ctx, call)
}

// ListUsers is GET api/users?page=N, from page 1 (LEAD LMS API). The document prints the
// heading of this call as POST api/users, the path of the create call below, but "returns a
// paginated list of users" must be GET.
func (a *API) ListUsers(ctx context.Context, page int) (UserPage, error) {
	var out struct {
		Users UserPage `json:"users"`
	}
	query := url.Values{"page": {strconv.Itoa(page)}}
	err := a.calls.Do(ctx, vendors.Call{Op: "list users", Method: http.MethodGet, Path: "/users", Query: query, Further: page > 1, Items: pageSize, Out: &out})
	return out.Users, err
}

// CreateUser is POST api/users (LEAD LMS API). The response is HTTP 200 with "status":201 in
// the body. A taken e-mail is undocumented; Laravel's 422 is likely.
func (a *API) CreateUser(ctx context.Context, f Fields) (User, error) {
	return a.user(ctx, vendors.Call{Op: "create user", Method: http.MethodPost, Path: "/users", Form: f.form()})
}

// UpdateUser is PUT api/users/{user} (LEAD LMS API). The required fields are those of a create,
// with the password, so every update sets a new password. A response without content leaves all
// but the id empty.
func (a *API) UpdateUser(ctx context.Context, user int, f Fields) (User, error) {
	noContent := false
	u, err := a.user(ctx, vendors.Call{Op: "update user", Method: http.MethodPut, Path: userPath(user), Form: f.form(), Repeatable: true, NoContent: &noContent})
	if err == nil && noContent {
		u.ID = Number(user)
	}
	return u, err
}

// DeleteUser is DELETE api/users/{user} (LEAD LMS API): a soft delete. There is no restoration.
// Returns LEAD's message.
func (a *API) DeleteUser(ctx context.Context, user int) (string, error) {
	var out struct {
		Message string `json:"message"` // User deleted
	}
	err := a.calls.Do(ctx, vendors.Call{Op: "delete user", Method: http.MethodDelete, Path: userPath(user), Repeatable: true, NoContent: new(bool), Out: &out})
	return out.Message, err
}

// GuessUser is GET api/users/{user}, which no version of the page documents: a guess from
// similar calls. A 404 may mean that the tenant has no such call, so only a user in the
// response proves anything.
func (a *API) GuessUser(ctx context.Context, user int) (User, error) {
	return a.user(ctx, vendors.Call{Op: "show user", Method: http.MethodGet, Path: userPath(user), NoContent: new(bool)})
}

// user makes a call whose response is {"user":{…}}.
func (a *API) user(ctx context.Context, c vendors.Call) (User, error) {
	var out struct {
		User User `json:"user"`
	}
	c.Out = &out
	err := a.calls.Do(ctx, c)
	return out.User, err
}
