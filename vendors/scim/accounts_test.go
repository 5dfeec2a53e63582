package scim_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/scim"
)

func TestTakenUserName(t *testing.T) {
	other := vendors.User{ID: "user-2", Email: ada.Email, FirstName: "Eve"}
	for _, taken := range []string{"409", "bare", "400"} {
		t.Run(taken, func(t *testing.T) {
			s := serve(t, map[string]string{"taken": taken}, nil)
			account := s.create(t)
			there := account
			there.Existed = true
			for _, u := range []vendors.User{ada, other} {
				if got, err := s.Create(t.Context(), origin, u); err != nil || got != there || got.Owner != ada.ID {
					t.Errorf("of %s: got %v, %v, want the account %v of the owner", u.ID, got, err, there)
				}
				if got, err := s.Find(t.Context(), u); err != nil || got != account {
					t.Errorf("of %s: got %v, %v, want the account %v", u.ID, got, err, account)
				}
			}
			if n := len(s.state().Users); n != 1 {
				t.Errorf("got %d accounts, want 1", n)
			}
		})
	}
	t.Run("500", func(t *testing.T) {
		s := serve(t, map[string]string{"taken": "500"}, nil)
		account := s.create(t)
		if _, err := s.Create(t.Context(), origin, ada); !vendors.IsUnknown(err) {
			t.Errorf("got %v, want Unknown", err)
		}
		if found, err := s.Find(t.Context(), ada); err != nil || found != account {
			t.Errorf("got %v, %v, want the account %v", found, err, account)
		}
	})
}

// The server knows an account and shows nobody: the error says so.
func TestHiddenAccount(t *testing.T) {
	s := serve(t, map[string]string{"hidden": "yes"}, nil)
	if err := s.box.ChangeManually("scim", sandbox.Add, "ada@example.org"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(t.Context(), ada); !errors.Is(err, vendors.ErrNotFound) {
		t.Errorf("find: got %v, want ErrNotFound", err)
	}
	_, err := s.Create(t.Context(), origin, ada)
	if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), "does not show the account") {
		t.Errorf("got %v, want a permanent error that says why", err)
	}
}

func TestAmbiguous(t *testing.T) {
	s := serve(t, map[string]string{"taken": "second"}, nil)
	for range 2 {
		s.create(t)
	}
	if _, err := s.Find(t.Context(), ada); !errors.Is(err, vendors.ErrAmbiguous) || !strings.Contains(fmt.Sprint(err), "2 accounts have the user id") {
		t.Fatalf("got %v, want ErrAmbiguous", err)
	}
	if err := s.Disable(t.Context(), origin, vendors.Account{ID: "1"}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Find(t.Context(), ada); err != nil || got.ID != "2" {
		t.Errorf("got %v, %v, want the active one of two", got, err)
	}
}

// A user who comes back gets the disabled account, if the account is known to be theirs.
func TestDisabledAccountOfAReturningUser(t *testing.T) {
	s := serve(t, nil, nil)
	account := s.create(t)
	if err := s.Disable(t.Context(), origin, account); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(t.Context(), ada); !errors.Is(err, vendors.ErrNotFound) {
		t.Errorf("find: got %v, want ErrNotFound", err)
	}
	again, err := s.Create(t.Context(), origin, ada)
	if err != nil || again != account || s.state().Users[0].Deleted {
		t.Errorf("got %v, %v, %+v, want the same account, enabled", again, err, s.state().Users)
	}
}

func TestDisabledAccountOfNobodyKnown(t *testing.T) {
	s := serve(t, map[string]string{"external_id": "dropped"}, nil)
	if err := s.Disable(t.Context(), origin, s.create(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), origin, ada); vendors.ClassOf(err) != vendors.Permanent || err == nil || !s.state().Users[0].Deleted {
		t.Errorf("got %v, %+v, want a permanent error and the account as before", err, s.state().Users)
	}
}

func TestMissingPageMeansTheBaseURL(t *testing.T) {
	s := serve(t, map[string]string{"gone": "html"}, nil)
	missing := vendors.Account{ID: "77"}
	for name, err := range map[string]error{
		"delete": s.Delete(t.Context(), origin, missing), "disable": s.Disable(t.Context(), origin, missing),
		"update": s.Update(t.Context(), origin, missing, ada), "enroll": s.Enroll(t.Context(), vendors.Enrollment{Account: missing, Course: vendors.Course{ID: "77"}}),
	} {
		if vendors.ClassOf(err) != vendors.Unusable || err == nil {
			t.Errorf("%s: got %v (%v), want unusable", name, err, vendors.ClassOf(err))
		}
	}
	if err := s.Delete(t.Context(), origin, missing); err == nil || s.calls(http.MethodGet+" /ServiceProviderConfig") != 0 {
		t.Errorf("got %v", err)
	}
}

func TestMissingGroup(t *testing.T) {
	for _, membership := range []string{scim.MembershipGroup, scim.MembershipNone} {
		s := serve(t, nil, func(c *scim.Config) { c.Membership = membership })
		e := enrollment(s.create(t))
		e.Course.ID = "no-such-group"
		for name, err := range map[string]error{"enroll": s.Enroll(t.Context(), e), "unenroll": s.Unenroll(t.Context(), e)} {
			if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), "under courses") {
				t.Errorf("%s, %s: got %v, want a permanent error with the correction", membership, name, err)
			}
		}
	}
	if !strings.Contains(fmt.Sprint(serveWithout(t).Enroll(t.Context(), enrollment(vendors.Account{ID: "1"}))), "by PATCH") {
		t.Error("want an error that says that the server has no PATCH of groups")
	}
}

// serveWithout returns a stand-in without PATCH of groups.
func serveWithout(t *testing.T) stand {
	t.Helper()
	return serve(t, map[string]string{"membership": "501"}, nil)
}

func TestFilterOfMembersThatIsIgnored(t *testing.T) {
	s := serve(t, map[string]string{"filter": "ignored"}, func(c *scim.Config) { c.Membership = scim.MembershipFilter })
	account := s.create(t)
	if in, err := s.Enrolled(t.Context(), account, vendors.Course{ID: "1"}); in || vendors.ClassOf(err) != vendors.Permanent || err == nil {
		t.Errorf("got %v, %v, want a permanent error", in, err)
	}
}

func TestFilterEscapes(t *testing.T) {
	s := serve(t, nil, nil)
	odd := vendors.User{ID: `a"b\c and userName eq "ada@example.org"`, Email: `"odd+one\"@example.org`, FirstName: "Odd"}
	made, err := s.Create(t.Context(), origin, odd)
	if err != nil {
		t.Fatal(err)
	}
	s.create(t)
	for _, u := range []vendors.User{odd, {Email: odd.Email}} {
		if found, err := s.Find(t.Context(), u); err != nil || found != made {
			t.Errorf("got %v, %v, want %v", found, err, made)
		}
	}
}
