package meiro

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// User is an operator of Meiro's back office, not a customer (Meiro ME API, Users, Data
// Structures). ID is a UUID.
type User struct {
	ID         string       `json:"id"`
	Email      string       `json:"email"`
	Deleted    vendors.Flag `json:"deleted"` // in the trash
	SSOEnabled vendors.Flag `json:"sso_enabled"`
}

// UserList is one page of users, without a total (Meiro ME API, Users).
type UserList struct {
	Users    []User    `json:"users"`
	Settings Selection `json:"selection_settings"`
}

// Selection selects a page of a list. In a response, Selection has the values that Meiro used.
type Selection struct {
	Limit    vendors.Int `json:"limit"` // Meiro's other APIs default to 20
	Offset   vendors.Int `json:"offset"`
	OrderBy  string      `json:"order_by"`  // only id is documented
	OrderDir string      `json:"order_dir"` // ASC or DESC
}

// query returns the query string parameters.
func (s Selection) query() url.Values {
	q := url.Values{}
	if s.Limit > 0 {
		q.Set("limit", strconv.Itoa(int(s.Limit)))
	}
	if s.Offset > 0 || s.Limit > 0 {
		q.Set("offset", strconv.Itoa(int(s.Offset)))
	}
	if s.OrderBy != "" {
		q.Set("order_by", s.OrderBy)
	}
	if s.OrderDir != "" {
		q.Set("order_dir", s.OrderDir)
	}
	return q
}

// NewUser is the body of CreateUser and CreateOrRestoreUser (Meiro ME API, Users).
type NewUser struct {
	Email      string
	Password   vendors.Secret
	SSOEnabled *bool // nil is not sent
}

// body returns the JSON form.
func (n NewUser) body() userBody {
	return userBody{Email: n.Email, Password: n.Password.Reveal(), SSOEnabled: n.SSOEnabled}
}

// Change is the body of ModifyUser (Meiro ME API, Users). Empty fields stay unchanged.
type Change NewUser

// body returns the JSON form.
func (c Change) body() userBody { return NewUser(c).body() }

// userBody is the JSON form of a user, the only place of a password in clear text.
type userBody struct {
	Email      string `json:"email,omitempty"`
	Password   string `json:"password,omitempty"`
	SSOEnabled *bool  `json:"sso_enabled,omitempty"`
}

// ListUsers is GET /users{?limit,offset,order_by,order_dir} (Meiro ME API, Users): users
// outside the trash. There is no search.
func (a *API) ListUsers(ctx context.Context, s Selection) (UserList, error) {
	return a.list(ctx, "list users", "/users", s)
}

// ListTrashedUsers is GET /users/trash{?limit,offset,order_by,order_dir} (Meiro ME API, Users).
func (a *API) ListTrashedUsers(ctx context.Context, s Selection) (UserList, error) {
	return a.list(ctx, "list trashed users", "/users/trash", s)
}

// list returns one page of a list.
func (a *API) list(ctx context.Context, op, path string, s Selection) (UserList, error) {
	var out UserList
	err := a.users.Do(ctx, vendors.Call{Op: op, Method: http.MethodGet, Path: path, Query: s.query(), Further: s.Offset > 0, Items: int(s.Limit), Out: &out})
	return out, err
}

// user makes a call whose response is a user.
func (a *API) user(ctx context.Context, c vendors.Call) (User, error) {
	var out User
	c.Out = &out
	err := a.users.Do(ctx, c)
	return out, err
}

// CreateUser is POST /users (Meiro ME API, Users), with response 201. The response to a taken
// e-mail is undocumented.
func (a *API) CreateUser(ctx context.Context, n NewUser) (User, error) {
	return a.user(ctx, vendors.Call{Op: "create user", Method: http.MethodPost, Path: "/users", JSON: n.body()})
}

// CreateOrRestoreUser is POST /users/create_or_restore (Meiro ME API, Users), with response
// 201: a new user, or the user with this e-mail from the trash. Undocumented: the response for
// an active user with this e-mail, and whether a restored user gets the new password.
func (a *API) CreateOrRestoreUser(ctx context.Context, n NewUser) (User, error) {
	return a.user(ctx, vendors.Call{Op: "create or restore user", Method: http.MethodPost, Path: "/users/create_or_restore", JSON: n.body()})
}

// RetrieveUser is GET /users/{user_id}, or 404 (Meiro ME API, Users). Whether users in the
// trash are shown is undocumented.
// A response without a user counts as 404 if Meiro shows another user.
func (a *API) RetrieveUser(ctx context.Context, id string) (User, error) {
	return a.user(ctx, vendors.Call{Op: "retrieve user", Method: http.MethodGet, Path: userPath(id), Control: a.showsUsers})
}

// showsUsers returns an error unless Meiro shows the first user of the list, if any.
func (a *API) showsUsers(ctx context.Context) error {
	page, err := a.ListUsers(ctx, Selection{Limit: 1, OrderBy: "id", OrderDir: "ASC"})
	if err == nil && page.Users == nil {
		return noList()
	}
	if err != nil || len(page.Users) == 0 {
		return err
	}
	first := page.Users[0].ID
	shown, err := a.user(ctx, vendors.Call{Op: "retrieve user", Method: http.MethodGet, Path: userPath(first)})
	if err == nil && (first == "" || shown.ID != first) {
		err = notRequested("retrieve user")
	}
	return err
}

// noList returns the error of a list without users.
func noList() *vendors.Error {
	return &vendors.Error{Vendor: vendor, Op: "list users", Unreadable: true, Message: "the response has no list of users"}
}

// notRequested returns the error of a response with another user, or without a user.
func notRequested(op string) *vendors.Error {
	return &vendors.Error{Vendor: vendor, Op: op, Unreadable: true, Message: "the response is not the requested user"}
}

// ModifyUser is PATCH /users/{user_id}, or 404 (Meiro ME API, Users). A repeat has no further
// effect.
func (a *API) ModifyUser(ctx context.Context, id string, c Change) (User, error) {
	return a.changed(ctx, id, vendors.Call{Op: "modify user", Method: http.MethodPatch, Path: userPath(id), JSON: c.body(), Repeatable: true})
}

// changed makes a call whose response is the changed user. After a response without content, the
// user is retrieved.
func (a *API) changed(ctx context.Context, id string, c vendors.Call) (User, error) {
	c.NoContent = new(bool)
	u, err := a.user(ctx, c)
	if err == nil && *c.NoContent {
		return a.RetrieveUser(ctx, id)
	}
	return u, err
}

// DeleteUser is DELETE /users/{user_id}, or 404 (Meiro ME API, Users). The user moves to the
// trash and can be restored.
func (a *API) DeleteUser(ctx context.Context, id string) (User, error) {
	return a.user(ctx, vendors.Call{Op: "delete user", Method: http.MethodDelete, Path: userPath(id), Repeatable: true, NoContent: new(bool)})
}

// RestoreUser is PATCH /users/trash/{user_id}, or 404 (Meiro ME API, Users): restores a user
// from the trash. The response for a user outside the trash is undocumented; 404 is likely.
func (a *API) RestoreUser(ctx context.Context, id string) (User, error) {
	path := "/users/trash/" + url.PathEscape(id)
	return a.changed(ctx, id, vendors.Call{Op: "restore user", Method: http.MethodPatch, Path: path, Repeatable: true})
}

// ChangePassword is POST /users/{user_id}/change_password (Meiro ME API, Users). The call
// cannot be repeated: old is wrong the second time.
func (a *API) ChangePassword(ctx context.Context, id string, old, next vendors.Secret) (User, error) {
	body := map[string]string{"old_password": old.Reveal(), "new_password": next.Reveal()}
	return a.user(ctx, vendors.Call{Op: "change password", Method: http.MethodPost, Path: userPath(id) + "/change_password", JSON: body})
}
