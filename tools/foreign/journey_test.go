package foreign_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/tools/foreign"
	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/scim"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

var ada = vendors.User{
	ID: "user-1", Email: "ada+news@example.org", FirstName: "Ada", LastName: "Lovelace", Locale: "en-GB", TimeZone: "Europe/London", Phone: "+442055501000",
}

// shown is a user, as read from a server by the test itself.
type shown struct {
	ExternalID string                                 `json:"externalId"`
	UserName   string                                 `json:"userName"`
	Name       struct{ GivenName, FamilyName string } `json:"name"`
	Active     bool                                   `json:"active"`
	Emails     []struct{ Value string }               `json:"emails"`
	Phones     []struct{ Value string }               `json:"phoneNumbers"`
	Locale     string                                 `json:"locale"`
}

// read reads a resource from a server, without the client of Usher.
func read(t *testing.T, server http.Handler, path string, into any) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+foreign.Token)
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil && w.Code == http.StatusOK {
		t.Errorf("%s: %v", path, err)
	}
	return w.Code
}

// members returns the members of the group.
func members(t *testing.T, server http.Handler) (out []string) {
	t.Helper()
	var group struct{ Members []struct{ Value string } }
	read(t, server, "/Groups/"+foreign.Groups[0], &group)
	for _, m := range group.Members {
		out = append(out, m.Value)
	}
	return out
}

// adapter returns an adapter of a server.
func adapter(t *testing.T, server http.Handler, update string) *scim.Adapter {
	t.Helper()
	c := scim.Defaults()
	c.Settings = vendors.Settings{BaseURL: "http://foreign.test", HTTP: memnet.Serve(t, server)}
	c.Token, c.Update = foreign.Token, update
	a, err := scim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// journey takes an account through every change, and reads the server after each.
func journey(t *testing.T, server http.Handler, update string) {
	t.Helper()
	ctx, a, from := t.Context(), adapter(t, server, update), vendors.Origin{}
	if _, err := a.Find(ctx, ada); !errors.Is(err, vendors.ErrNotFound) {
		t.Fatalf("find: got %v, want ErrNotFound", err)
	}
	account, err := a.Create(ctx, from, ada)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []vendors.User{ada, {Email: ada.Email}, {ID: ada.ID}} { // a second creation, and look-ups by one key
		if found, err := a.Find(ctx, u); err != nil || found != account {
			t.Errorf("find %+v: got %v, %v", u, found, err)
		}
	}
	if again, err := a.Create(ctx, from, ada); err != nil || again.ID != account.ID || !again.Existed {
		t.Errorf("create again: got %v, %v", again, err)
	}
	want := shown{ExternalID: ada.ID, UserName: ada.Email, Active: true, Locale: "en-GB"}
	want.Name.GivenName, want.Name.FamilyName = "Ada", "Lovelace"
	want.Emails, want.Phones = []struct{ Value string }{{ada.Email}}, []struct{ Value string }{{ada.Phone}}
	compare := func(step string) {
		var got shown
		read(t, server, "/Users/"+account.ID, &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after %s (-want +got)\n%s", step, diff)
		}
	}
	compare("create")
	twice := func(step string, change func() error) {
		for range 2 {
			if err := change(); err != nil {
				t.Fatalf("%s: %v", step, err)
			}
		}
	}
	want.Name.FamilyName, want.UserName, want.Emails[0].Value = "King", "ada.king@example.org", "ada.king@example.org"
	twice("update", func() error {
		return a.Update(ctx, from, account, vendors.User{ID: ada.ID, LastName: "King", Email: "ada.king@example.org"})
	})
	compare("update")
	want.Active = false
	twice("disable", func() error { return a.Disable(ctx, from, account) })
	compare("disable")
	want.Active = true
	twice("enable", func() error { return a.Enable(ctx, from, account) })
	compare("enable")
	inGroup(t, server, a, account)
	twice("delete", func() error { return a.Delete(ctx, from, account) })
	if status := read(t, server, "/Users/"+account.ID, new(shown)); status != http.StatusNotFound {
		t.Errorf("after delete: got status %d, want 404", status)
	}
}

// inGroup adds a second member beside another one, and removes the member.
func inGroup(t *testing.T, server http.Handler, a *scim.Adapter, account vendors.Account) {
	t.Helper()
	other, err := a.Create(t.Context(), vendors.Origin{}, vendors.User{ID: "user-2", Email: "eve@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	course := vendors.Course{ID: foreign.Groups[0]}
	enrollment := func(of vendors.Account) vendors.Enrollment { return vendors.Enrollment{Account: of, Course: course} }
	for _, member := range []vendors.Account{other, account} {
		if in, err := a.Enrolled(t.Context(), member, course); err != nil || in {
			t.Errorf("enrolled: got %v, %v", in, err)
		}
		if err := a.Enroll(t.Context(), enrollment(member)); err != nil {
			t.Fatal(err)
		}
		if in, err := a.Enrolled(t.Context(), member, course); err != nil || !in {
			t.Errorf("enrolled: got %v, %v", in, err)
		}
	}
	if diff := cmp.Diff([]string{other.ID, account.ID}, members(t, server)); diff != "" {
		t.Errorf("members (-want +got)\n%s", diff)
	}
	for range 2 {
		if err := a.Unenroll(t.Context(), enrollment(account)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{other.ID}, members(t, server)); diff != "" {
		t.Errorf("members after the end (-want +got)\n%s", diff)
	}
	listed := map[string]vendors.Listed{}
	if err := a.List(t.Context(), func(one vendors.Listed) error { listed[one.ID] = one; return nil }); err != nil || len(listed) != 2 {
		t.Errorf("list: got %v, %v", listed, err)
	}
	if one, err := a.Show(t.Context(), account); err != nil || one != listed[account.ID] {
		t.Errorf("show: got %v, %v, want %v", one, err, listed[account.ID])
	}
	if _, err := a.Show(t.Context(), vendors.Account{ID: "nobody"}); !errors.Is(err, vendors.ErrNotFound) {
		t.Error(fmt.Errorf("show: %w", err))
	}
}
