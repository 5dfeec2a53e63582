package meiro_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/meiro"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

// made is an operator at a stand-in of its own.
func made(t *testing.T, switches sandbox.Switches) (*meiro.Operators, vendortest.Server, vendors.Account) {
	t.Helper()
	stand := vendortest.Serve(t, "meiro", sandbox.Config{Switches: switches})
	o := operators(t, configOf(stand))
	account, err := o.Create(t.Context(), origin, ada)
	if err != nil {
		t.Fatal(err)
	}
	return o, stand, account
}

// operator returns what Meiro holds of the account.
func operator(t *testing.T, stand vendortest.Server, a vendors.Account) sandbox.User {
	t.Helper()
	users := stand.State("meiro").Users
	at := slices.IndexFunc(users, func(u sandbox.User) bool { return u.ID == a.ID })
	if at < 0 {
		t.Fatalf("got %+v, want %s there", users, a.ID)
	}
	return users[at]
}

func TestUpdateOfAnOperator(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		email   string
		want    string
		updates int // after two of them
	}{
		"another e-mail":   {"ada.king@example.org", "ada.king@example.org", 1},
		"the same e-mail":  {ada.Email, ada.Email, 0},
		"no e-mail":        {"", ada.Email, 0},
		"of another case":  {" ADA+1@example.org", ada.Email, 0},
		"in capitals":      {" ADA.KING@example.org ", "ada.king@example.org", 1},
		"taken by another": {sandbox.MeiroEmail, ada.Email, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, stand, account := made(t, sandbox.Switches{})
			for range 2 {
				err := o.Update(t.Context(), origin, account, vendors.User{ID: "u-1", Email: test.email, FirstName: "Augusta"})
				if taken := test.email == sandbox.MeiroEmail; (err != nil) != taken || (taken && vendors.ClassOf(err) != vendors.Permanent) {
					t.Errorf("got %v, want a permanent error: %v", err, taken)
				}
			}
			if got := operator(t, stand, account); got.Email != test.want || got.Updates != test.updates || got.Resets != 0 {
				t.Errorf("got %+v, want %s after %d updates, and the password as it was", got, test.want, test.updates)
			}
		})
	}
}

// TestUpdateSendsTheEmailAlone is about the password and sso_enabled, which the
// call takes as well.
func TestUpdateSendsTheEmailAlone(t *testing.T) {
	t.Parallel()
	var sent []string
	_, url := meddled(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch && !strings.HasSuffix(r.URL.Path, "/login") {
			var body map[string]any
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			sent = slices.Sorted(maps.Keys(body))
			return true
		}
		return false
	})
	o := operators(t, config(url))
	account, err := o.Create(t.Context(), origin, ada)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Update(t.Context(), origin, account, vendors.User{Email: "ada.king@example.org"}); err == nil {
		t.Error("got success of an empty answer")
	}
	if !slices.Equal(sent, []string{"email"}) {
		t.Errorf("got %v, want the e-mail alone", sent)
	}
}

func TestUpdateOfWhoIsNotThere(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"404", "200"} { // whether Meiro shows those in the trash
		t.Run(gone, func(t *testing.T) {
			t.Parallel()
			o, stand, account := made(t, sandbox.Switches{SecondDelete: gone})
			if err := o.Delete(t.Context(), origin, account); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{account.ID, "00000000-0000-4000-8000-000000000000"} {
				if err := o.Update(t.Context(), origin, vendors.Account{ID: id}, vendors.User{Email: "x@example.org"}); !errors.Is(err, vendors.ErrNotFound) {
					t.Errorf("%s: got %v, want ErrNotFound", id, err)
				}
			}
			if n := stand.State("meiro").Calls["PATCH /users/{id}"]; n != 0 {
				t.Errorf("got %d updates, want none", n)
			}
		})
	}
}

func TestUsherItselfIsNotUpdated(t *testing.T) {
	t.Parallel()
	o, stand, _ := made(t, sandbox.Switches{})
	own, err := o.Find(t.Context(), vendors.User{Email: sandbox.MeiroEmail})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Update(t.Context(), origin, own, ada); err == nil || vendors.ClassOf(err) != vendors.Permanent {
		t.Errorf("got %v, want a permanent error", err)
	}
	if got := operator(t, stand, own); got.Email != sandbox.MeiroEmail {
		t.Errorf("got %+v, want it as it was", got)
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	type action = func(t *testing.T, o *meiro.Operators, a vendors.Account)
	trash := func(t *testing.T, o *meiro.Operators, a vendors.Account) {
		if err := o.Delete(t.Context(), origin, a); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		before   action
		id       bool // whether the record knows it
		user     vendors.User
		found    bool
		restores int
	}{
		"in the trash":               {trash, true, ada, true, 1},
		"by the id alone":            {trash, true, vendors.User{ID: "u-1"}, true, 1},
		"by the e-mail alone":        {trash, false, ada, true, 1},
		"by neither":                 {trash, false, vendors.User{ID: "u-1"}, false, 0},
		"under another e-mail":       {trash, false, vendors.User{ID: "u-1", Email: "x@example.org"}, false, 0},
		"active":                     {func(*testing.T, *meiro.Operators, vendors.Account) {}, true, ada, true, 0},
		"active, by the e-mail":      {func(*testing.T, *meiro.Operators, vendors.Account) {}, false, ada, true, 0},
		"its e-mail changed since":   {trash, true, vendors.User{ID: "u-1", Email: "x@example.org"}, true, 1},
		"active, and e-mail changed": {func(*testing.T, *meiro.Operators, vendors.Account) {}, true, vendors.User{Email: "x@example.org"}, true, 0},
	}
	for name, test := range tests {
		for _, sw := range []sandbox.Switches{{}, {SecondDelete: "200", RepeatRestore: "200"}} {
			t.Run(name+" "+sw.SecondDelete, func(t *testing.T) {
				t.Parallel()
				o, stand, account := made(t, sw)
				test.before(t, o, account)
				known := account
				if !test.id {
					known = vendors.Account{}
				}
				for range 2 {
					got, err := o.Restore(t.Context(), origin, known, test.user)
					if test.found && (err != nil || got != account) {
						t.Errorf("got %v, %v, want %v", got, err, account)
					}
					if !test.found && !errors.Is(err, vendors.ErrNotFound) {
						t.Errorf("got %v, %v, want ErrNotFound", got, err)
					}
				}
				if got := operator(t, stand, account); got.Restores != test.restores || got.Deleted == test.found {
					t.Errorf("got %+v, want %d restorations", got, test.restores)
				}
			})
		}
	}
}

// TestRestoreMakesNoTwin is about a user who was purged from the trash and made
// anew, while the record knows the old id; and about one whose e-mail is another
// account's by now.
func TestRestoreMakesNoTwin(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "meiro", sandbox.Config{Switches: sandbox.Switches{DuplicateEmail: "second"}})
	o, api := operators(t, configOf(stand)), meiro.NewAPI(configOf(stand))
	old, err := o.Create(t.Context(), origin, ada)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Delete(t.Context(), origin, old); err != nil {
		t.Fatal(err)
	}
	anew := must(t)(api.CreateUser(t.Context(), meiro.NewUser{Email: ada.Email, Password: "pw"}))
	got, err := o.Restore(t.Context(), origin, old, ada)
	if err != nil || got.ID != anew.ID {
		t.Errorf("got %v, %v, want %s, who is active under the e-mail", got, err, anew.ID)
	}
	if twins := stand.State("meiro").Twins(); len(twins) != 0 {
		t.Errorf("got twins %+v", twins)
	}
}
