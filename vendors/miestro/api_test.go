package miestro_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

func config(baseURL string) miestro.Config {
	return miestro.Config{
		Settings: vendors.Settings{BaseURL: baseURL, Timeout: time.Minute}, APIKey: sandbox.MiestroAPIKey, APISecret: sandbox.MiestroAPISecret,
	}
}

// at is a configuration for the stand-in.
func configOf(stand vendortest.Server) miestro.Config {
	c := config(stand.URL)
	c.HTTP = stand.HTTP
	return c
}

// fields are all four attributes of a user.
func fields(name, email string, role miestro.Role) miestro.UserFields {
	password := vendors.NewPassword()
	return miestro.UserFields{Name: &name, Email: &email, Password: &password, Role: &role}
}

func TestEveryDocumentedCall(t *testing.T) {
	stand := vendortest.Serve(t, "miestro", sandbox.Config{})
	api, ctx := miestro.NewAPI(configOf(stand)), t.Context()

	u, err := api.AddUser(ctx, fields("Ada Lovelace", "ada@example.org", miestro.RoleAssistant))
	if err != nil || u.ID != 1 || u.Email != "ada@example.org" || *u.Role != miestro.RoleAssistant {
		t.Fatalf("add: got %+v, %v", u, err)
	}
	name := "Ada King"
	steps := map[string]error{
		"update":           api.UpdateUser(ctx, 1, miestro.UserFields{Name: &name}),
		"enroll":           api.EnrollUser(ctx, 1, 7),
		"enroll in course": api.EnrollInCourse(ctx, 8, 1),
		"unroll":           api.UnrollUser(ctx, 1, 7),
	}
	for step, err := range steps {
		if err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
	if u, err := api.GetUser(ctx, 1); err != nil || u.Name != name {
		t.Errorf("get: got %+v, %v", u, err)
	}
	role := miestro.RoleAssistant
	users, err := api.ListUsers(ctx, miestro.Query{Search: "king", Role: &role, SortBy: "name:desc", Count: 1, Page: 1})
	if err != nil || len(users.Data) != 1 || users.PerPage != 1 || users.Total != 1 {
		t.Errorf("list: got %+v, %v", users, err)
	}
	courses, err := api.ListCourses(ctx, miestro.Query{Search: "course", Status: miestro.Unpublished, Count: 10})
	if err != nil || len(courses.Data) != 10 || courses.Data[0].IsPublished != miestro.Unpublished {
		t.Errorf("courses: got %+v, %v", courses, err)
	}
	if c, err := api.GetCourse(ctx, 7); err != nil || c.ID != 7 || len(c.RatedIDs) != 2 {
		t.Errorf("course: got %+v, %v", c, err)
	}
	if err := api.DeleteUser(ctx, 1); err != nil {
		t.Errorf("delete: %v", err)
	}
	if left := stand.Contract.Untried(); len(left) > 0 {
		t.Errorf("no call made %v", left)
	}
}

func TestMissingUserIsGone(t *testing.T) {
	api, ctx := miestro.NewAPI(configOf(vendortest.Serve(t, "miestro", sandbox.Config{}))), t.Context()
	get := func() error { _, err := api.GetUser(ctx, 9); return err }
	for name, err := range map[string]error{"get": get(), "delete": api.DeleteUser(ctx, 9), "enroll": api.EnrollUser(ctx, 9, 1)} {
		if !vendors.IsGone(err) {
			t.Errorf("%s: got %v, want 404", name, err)
		}
	}
}

func TestWrongKeysAreUnusable(t *testing.T) {
	stand := vendortest.Serve(t, "miestro", sandbox.Config{})
	c := configOf(stand)
	c.APISecret = sandbox.WrongCredential
	a, err := miestro.New(c)
	if err != nil {
		t.Fatal(err)
	}
	err = a.Check(t.Context())
	if vendors.ClassOf(err) != vendors.Unusable || !strings.Contains(err.Error(), "Invalid Api Key or Api Secret credentials") {
		t.Errorf("got %v, want the vendor's refusal as unusable", err)
	}
}

// TestNameLikeTheRefusal is about a user who is called like the one error that
// Miestro documents: that is no refusal.
func TestNameLikeTheRefusal(t *testing.T) {
	a, err := miestro.New(configOf(vendortest.Serve(t, "miestro", sandbox.Config{})))
	if err != nil {
		t.Fatal(err)
	}
	u := vendors.User{ID: "u1", Email: "eve@example.org", FirstName: "Invalid Api Key or Api Secret credentials"}
	made, err := a.Create(t.Context(), vendors.Origin{}, u)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := a.Find(t.Context(), u); err != nil || found != made {
		t.Errorf("got %v, %v, want %v", found, err, made)
	}
}

func TestCheck(t *testing.T) {
	a, err := miestro.New(configOf(vendortest.Serve(t, "miestro", sandbox.Config{})))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWrongBaseURL is about an address where no API is: no event can be the cause,
// and nobody is gone because of it.
func TestWrongBaseURL(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	a, err := miestro.New(config(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"check": a.Check(t.Context()), "delete": a.Delete(t.Context(), origin, vendors.Account{ID: "7"})} {
		if vendors.ClassOf(err) != vendors.Unusable {
			t.Errorf("%s: got %v, want unusable", name, err)
		}
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	tests := map[string]struct {
		config miestro.Config
		want   []string
	}{
		"nothing given": {miestro.Config{}, []string{"api_key", "api_secret"}},
		"bad address":   {miestro.Config{Settings: vendors.Settings{BaseURL: "miestro"}, APIKey: "k", APISecret: "s"}, []string{"base_url"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := miestro.New(test.config)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to name %q", err, want)
				}
			}
		})
	}
	if _, err := miestro.New(miestro.Config{APIKey: "k", APISecret: "s"}); err != nil {
		t.Errorf("got %v, want the documented base URL", err)
	}
}

// adapter returns an adapter at a stand-in of its own.
func adapter(t *testing.T, c sandbox.Config) (*miestro.Adapter, vendortest.Server) {
	t.Helper()
	stand := vendortest.Serve(t, "miestro", c)
	a, err := miestro.New(configOf(stand))
	if err != nil {
		t.Fatal(err)
	}
	return a, stand
}

// add makes a user past the adapter.
func add(ctx context.Context, t *testing.T, a *miestro.Adapter, email string, role miestro.Role) vendors.Account {
	t.Helper()
	u, err := a.API().AddUser(ctx, fields("Someone", email, role))
	if err != nil {
		t.Fatal(err)
	}
	return vendors.Account{ID: itoa(int(u.ID))}
}
