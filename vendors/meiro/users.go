package meiro

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// User is an operator of Meiro's back office: somebody who can log in there,
// not a customer. ID is a UUID. The source of all that follows is the page
// Users of the Meiro ME API, with its Data Structures.
type User struct {
	ID         string       `json:"id"`
	Email      string       `json:"email"`
	Deleted    vendors.Flag `json:"deleted"` // in the trash
	SSOEnabled vendors.Flag `json:"sso_enabled"`
}

// UserList is one page of users. Meiro tells no total.
type UserList struct {
	Users    []User    `json:"users"`
	Settings Selection `json:"selection_settings"`
}

// Selection chooses a page of a list. In an answer it is what Meiro made of it.
type Selection struct {
	Limit    vendors.Int `json:"limit"` // 20 by default at Meiro's sister APIs
	Offset   vendors.Int `json:"offset"`
	OrderBy  string      `json:"order_by"`  // id is the only one documented
	OrderDir string      `json:"order_dir"` // ASC or DESC
}

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

// NewUser is the body of CreateUser and CreateOrRestoreUser.
type NewUser struct {
	Email      string
	Password   vendors.Secret
	SSOEnabled *bool // left out where it is nil
}

func (n NewUser) body() userBody {
	return userBody{Email: n.Email, Password: n.Password.Reveal(), SSOEnabled: n.SSOEnabled}
}

// Change is the body of ModifyUser. What is empty or nil is left as it is.
type Change NewUser

func (c Change) body() userBody { return NewUser(c).body() }

// userBody is what goes over the wire: the only place where a password is no Secret.
type userBody struct {
	Email      string `json:"email,omitempty"`
	Password   string `json:"password,omitempty"`
	SSOEnabled *bool  `json:"sso_enabled,omitempty"`
}

// ListUsers is GET /users{?limit,offset,order_by,order_dir}: users that are not
// in the trash. It cannot be searched.
func (a *API) ListUsers(ctx context.Context, s Selection) (UserList, error) {
	return a.list(ctx, "list users", "/users", s)
}

// ListTrashedUsers is GET /users/trash{?limit,offset,order_by,order_dir}.
func (a *API) ListTrashedUsers(ctx context.Context, s Selection) (UserList, error) {
	return a.list(ctx, "list trashed users", "/users/trash", s)
}

func (a *API) list(ctx context.Context, op, path string, s Selection) (UserList, error) {
	var out UserList
	err := a.users.Do(ctx, vendors.Call{Op: op, Method: http.MethodGet, Path: path, Query: s.query(), Out: &out})
	return out, err
}

// user makes a call that answers with a user.
func (a *API) user(ctx context.Context, c vendors.Call) (User, error) {
	var out User
	c.Out = &out
	err := a.users.Do(ctx, c)
	return out, err
}

// CreateUser is POST /users, answered with 201. What Meiro says to an address
// that is taken is not documented.
func (a *API) CreateUser(ctx context.Context, n NewUser) (User, error) {
	return a.user(ctx, vendors.Call{Op: "create user", Method: http.MethodPost, Path: "/users", JSON: n.body()})
}

// CreateOrRestoreUser is POST /users/create_or_restore, answered with 201: a
// new user, or the one with this address out of the trash. What Meiro says to
// the address of a user who is not in the trash is not documented, nor whether
// a restored user gets the new password.
func (a *API) CreateOrRestoreUser(ctx context.Context, n NewUser) (User, error) {
	return a.user(ctx, vendors.Call{Op: "create or restore user", Method: http.MethodPost, Path: "/users/create_or_restore", JSON: n.body()})
}

// RetrieveUser is GET /users/{user_id}, or 404. Whether it shows users in the
// trash is not documented.
func (a *API) RetrieveUser(ctx context.Context, id string) (User, error) {
	return a.user(ctx, vendors.Call{Op: "retrieve user", Method: http.MethodGet, Path: userPath(id)})
}

// ModifyUser is PATCH /users/{user_id}, or 404. Setting the same fields again
// changes nothing more.
func (a *API) ModifyUser(ctx context.Context, id string, c Change) (User, error) {
	return a.user(ctx, vendors.Call{Op: "modify user", Method: http.MethodPatch, Path: userPath(id), JSON: c.body(), Repeatable: true})
}

// DeleteUser is DELETE /users/{user_id}, or 404. The user goes to the trash,
// and can be restored.
func (a *API) DeleteUser(ctx context.Context, id string) (User, error) {
	return a.user(ctx, vendors.Call{Op: "delete user", Method: http.MethodDelete, Path: userPath(id), Repeatable: true})
}

// RestoreUser is PATCH /users/trash/{user_id}, or 404: out of the trash. What it
// says of a user who is not in the trash is not documented; 404 is likely.
func (a *API) RestoreUser(ctx context.Context, id string) (User, error) {
	path := "/users/trash/" + url.PathEscape(id)
	return a.user(ctx, vendors.Call{Op: "restore user", Method: http.MethodPatch, Path: path, Repeatable: true})
}

// ChangePassword is POST /users/{user_id}/change_password. It cannot be
// repeated: the second time, old is wrong.
func (a *API) ChangePassword(ctx context.Context, id string, old, next vendors.Secret) (User, error) {
	body := map[string]string{"old_password": old.Reveal(), "new_password": next.Reveal()}
	return a.user(ctx, vendors.Call{Op: "change password", Method: http.MethodPost, Path: userPath(id) + "/change_password", JSON: body})
}
