package meiro

import (
	"context"
	"net/http"

	"github.com/usherhq/usher/vendors"
)

const tokenHeader = "X-Access-Token"

// token is the response of a log-in: {"token":"1234567890abcde"}.
type token struct {
	Token vendors.Secret `json:"token"`
}

// LogIn is POST /users/login with e-mail and password (Meiro ME API, Authentication). The token
// lives for 8 h. A wrong password is 401 {"message":"Invalid credentials have been provided"}.
func (a *API) LogIn(ctx context.Context, email string, password vendors.Secret) (vendors.Secret, error) {
	return a.token(ctx, "log in", http.MethodPost, map[string]string{"email": email, "password": password.Reveal()})
}

// RefreshToken is PATCH /users/login with a token that expired at most 4 h ago (Meiro ME API,
// Authentication). An older token is 401 {"message":"Token is too old for refresh"}.
func (a *API) RefreshToken(ctx context.Context, old vendors.Secret) (vendors.Secret, error) {
	return a.token(ctx, "refresh token", http.MethodPatch, map[string]string{"token": old.Reveal()})
}

// token makes a call that issues a token. A repeat only issues another token.
func (a *API) token(ctx context.Context, op, method string, body map[string]string) (vendors.Secret, error) {
	var out token
	err := a.login.Do(ctx, vendors.Call{Op: op, Method: method, Path: "/users/login", JSON: body, Repeatable: true, NoAuth: true, Out: &out})
	if err == nil && out.Token == "" {
		err = &vendors.Error{Vendor: vendor, Op: op, Message: "the response has no token"}
	}
	return out.Token, err
}

// LogOut is DELETE /users/login (Meiro ME API, Authentication): ends the session of the token
// in use. The adapter never logs out; tokens expire.
func (a *API) LogOut(ctx context.Context) error {
	return a.users.Do(ctx, vendors.Call{Op: "log out", Method: http.MethodDelete, Path: "/users/login", Repeatable: true})
}
