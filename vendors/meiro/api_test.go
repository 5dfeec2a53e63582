package meiro_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/meiro"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

func config(url string) meiro.Config {
	return meiro.Config{
		Settings: vendors.Settings{BaseURL: url, Timeout: time.Minute},
		Email:    sandbox.MeiroEmail, Password: sandbox.MeiroPassword,
		CollectURL: url + "/collect/usher",
	}
}

// at is a configuration for the stand-in.
func configOf(stand vendortest.Server) meiro.Config {
	c := config(stand.URL)
	c.HTTP = stand.HTTP
	return c
}

var at = time.Date(2026, 3, 1, 9, 0, 0, 7_000_000, time.FixedZone("", 3600))

func TestEveryCallKeepsToTheDocument(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "meiro", sandbox.Config{})
	api := meiro.NewAPI(configOf(stand))
	ctx := t.Context()
	yes := true
	made := must(t)(api.CreateUser(ctx, meiro.NewUser{Email: "ada+1@example.org", Password: "one", SSOEnabled: &yes}))
	other := must(t)(api.CreateOrRestoreUser(ctx, meiro.NewUser{Email: "bob@example.org", Password: "one"}))
	if !made.SSOEnabled || made.ID == other.ID {
		t.Errorf("got %+v and %+v, want two users, the first with SSO", made, other)
	}
	must(t)(api.ChangePassword(ctx, made.ID, "one", "two"))
	if got := must(t)(api.ModifyUser(ctx, made.ID, meiro.Change{Email: "ada@example.org"})); got.Email != "ada@example.org" {
		t.Errorf("got %+v, want the new address", got)
	}
	must(t)(api.DeleteUser(ctx, made.ID))
	list := func(call func(context.Context, meiro.Selection) (meiro.UserList, error), s meiro.Selection) int {
		page, err := call(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Users)
	}
	if n := list(api.ListTrashedUsers, meiro.Selection{}); n != 1 {
		t.Errorf("got %d users in the trash, want 1", n)
	}
	must(t)(api.RestoreUser(ctx, made.ID))
	if got := must(t)(api.RetrieveUser(ctx, made.ID)); got.Deleted {
		t.Errorf("got %+v, want it restored", got)
	}
	if n := list(api.ListUsers, meiro.Selection{Limit: 2, Offset: 1, OrderBy: "id", OrderDir: "DESC"}); n != 2 {
		t.Errorf("got a page of %d users, want 2", n)
	}
	token, err := api.LogIn(ctx, sandbox.MeiroEmail, sandbox.MeiroPassword)
	if err == nil {
		_, err = api.RefreshToken(ctx, token)
	}
	err = errors.Join(err, api.LogOut(ctx), api.CollectNothing(ctx),
		api.Collect(ctx, meiro.Event{Type: "opened", At: at, Identifiers: map[string]string{"user_id": "u-1"}, Payload: map[string]any{"origin": "k"}}))
	if vendors.StatusOf(err) != 400 { // of CollectNothing alone
		t.Error(err)
	}
	if got := stand.Contract.Untried(); len(got) != 0 {
		t.Errorf("calls that no test made: %v", got)
	}
}

// must returns a call's user, and ends the test where it failed.
func must(t *testing.T) func(meiro.User, error) meiro.User {
	return func(u meiro.User, err error) meiro.User {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
}

func TestUnknownUsersAreNotFound(t *testing.T) {
	t.Parallel()
	api := meiro.NewAPI(configOf(vendortest.Serve(t, "meiro", sandbox.Config{})))
	const nobody = "00000000-0000-4000-8000-000000000000"
	calls := map[string]func() (meiro.User, error){
		"retrieve": func() (meiro.User, error) { return api.RetrieveUser(t.Context(), nobody) },
		"modify": func() (meiro.User, error) {
			return api.ModifyUser(t.Context(), nobody, meiro.Change{Email: "x@example.org"})
		},
		"delete":   func() (meiro.User, error) { return api.DeleteUser(t.Context(), nobody) },
		"restore":  func() (meiro.User, error) { return api.RestoreUser(t.Context(), nobody) },
		"password": func() (meiro.User, error) { return api.ChangePassword(t.Context(), nobody, "a", "b") },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			if _, err := call(); !vendors.IsGone(err) || vendors.ClassOf(err) != vendors.Permanent {
				t.Errorf("got %v, want a permanent 404", err)
			}
		})
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config meiro.Config
		want   string
	}{
		"operators": {meiro.Config{}, "meiro: base_url is missing; set base_url\nmeiro: email is missing; set email\nmeiro: password is missing; set password"},
		"customers": {meiro.Config{Mode: "customers"}, "meiro: collect_url is missing; set collect_url"},
		"mode":      {meiro.Config{Mode: "people"}, `meiro: mode cannot be "people"; want one of: operators, customers`},
		"token":     {meiro.Config{Settings: vendors.Settings{BaseURL: "http://x"}, AccessToken: "t"}, "<nil>"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := meiro.New(test.config); fmt.Sprint(err) != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
