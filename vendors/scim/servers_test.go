package scim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/scim"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

var (
	origin = vendors.Origin{Key: "0123456789abcdef0123456789abcdef", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	ada    = vendors.User{ID: "user-1", Email: "Ada@Example.org", FirstName: "Ada", LastName: "Lovelace", Locale: "en-GB", TimeZone: "Europe/London", Phone: "+44 20 5550100"}
)

// stand is a stand-in with switches, without the contract: servers in the field break it.
type stand struct {
	*scim.Adapter
	box *sandbox.Sandbox
}

// serve returns a stand-in with switches, and an adapter with a change of the configuration.
func serve(t *testing.T, switches map[string]string, change func(*scim.Config)) stand {
	t.Helper()
	box, err := sandbox.New(sandbox.Config{Switches: sandbox.Switches{SCIM: switches}}.With("scim"))
	if err != nil {
		t.Fatal(err)
	}
	c := config(vendors.Settings{BaseURL: box.BaseURLs("scim.test")["scim"], HTTP: memnet.Serve(t, box.Handler()), SingleAttempt: true})
	if change != nil {
		change(&c)
	}
	a, err := scim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return stand{a, box}
}

func (s stand) state() sandbox.VendorState { return s.box.State().Vendors["scim"] }

// calls returns the number of calls of an operation.
func (s stand) calls(op string) int { return s.state().Calls[op] }

// create creates ada.
func (s stand) create(t *testing.T) vendors.Account {
	t.Helper()
	account, err := s.Create(t.Context(), origin, ada)
	if err != nil {
		t.Fatal(err)
	}
	return account
}

// enrollment is a membership of the account.
func enrollment(a vendors.Account) vendors.Enrollment {
	return vendors.Enrollment{Account: a, UserID: ada.ID, Course: vendors.Course{ID: "7", Ours: "go-basics"}}
}

// journey is journeyOf for the only account.
func journey(t *testing.T, s stand) {
	t.Helper()
	journeyOf(t, s)
	if made := len(s.state().Users); made != 1 {
		t.Errorf("got %d accounts, want 1", made)
	}
}

// journeyOf takes an account through all changes, and checks the state of the server after each.
func journeyOf(t *testing.T, s stand) {
	t.Helper()
	ctx, account := t.Context(), s.create(t)
	renamed := ada
	renamed.LastName, renamed.Email = "King", "ada.king@example.org"
	steps := []struct {
		name string
		do   func() error
		want func(sandbox.User) bool
	}{
		{"update", func() error { return s.Update(ctx, origin, account, renamed) }, func(u sandbox.User) bool {
			return u.Name == "Ada King" && u.Email == renamed.Email && !u.Deleted && u.Phone == ada.Phone
		}},
		{"enroll", func() error { return s.Enroll(ctx, enrollment(account)) }, func(sandbox.User) bool { return len(in(s.state())) == 1 }},
		{"unenroll", func() error { return s.Unenroll(ctx, enrollment(account)) }, func(sandbox.User) bool { return len(in(s.state())) == 0 }},
		{"disable", func() error { return s.Disable(ctx, origin, account) }, func(u sandbox.User) bool { return u.Deleted && u.Name == "Ada King" }},
		{"enable", func() error { return s.Enable(ctx, origin, account) }, func(u sandbox.User) bool { return !u.Deleted && u.Name == "Ada King" }},
		{"delete", func() error { return s.Delete(ctx, origin, account) }, func(u sandbox.User) bool { return u.Deleted }},
	}
	for _, step := range steps {
		for range 2 { // a repeat is harmless
			if err := step.do(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
		}
		for _, u := range s.state().Users {
			if u.ID == account.ID && !step.want(u) {
				t.Errorf("after %s: got %+v", step.name, u)
			}
		}
	}
}

// in returns the memberships in force.
func in(s sandbox.VendorState) (out []sandbox.Enrollment) {
	for _, e := range s.Enrollments {
		if e.Active {
			out = append(out, e)
		}
	}
	return out
}

// A server that differs from the standard without a change of meaning takes every change.
func TestJourneyAtEveryServer(t *testing.T) {
	with := func(pairs ...string) map[string]string {
		out := map[string]string{}
		for _, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			out[name] = value
		}
		return out
	}
	put := func(c *scim.Config) { c.Update = scim.UpdatePut }
	membership := func(value string) func(*scim.Config) {
		return func(c *scim.Config) { c.Membership = value }
	}
	for name, test := range map[string]struct {
		switches map[string]string
		change   func(*scim.Config)
	}{
		"standard":                              {},
		"put":                                   {nil, put},
		"Resources null":                        {with("nobody=null"), nil},
		"Resources missing":                     {with("nobody=missing"), nil},
		"PUT 405":                               {with("put=405"), nil},
		"PATCH 501":                             {with("patch=501"), nil},
		"PATCH 405":                             {with("patch=405"), nil},
		"PATCH 501, no provider config":         {with("patch=501", "provider=404"), nil},
		"provider config is a page":             {with("provider=html"), nil},
		"provider config lies, PUT 405":         {with("provider=lies", "put=405"), nil},
		"ETags":                                 {with("etag=version"), nil},
		"ETags and PUT":                         {with("etag=version"), put},
		"lower case":                            {with("attributes=lower"), nil},
		"lower case and PUT":                    {with("attributes=lower"), put},
		"booleans as text":                      {with("booleans=text"), nil},
		"filter ignored":                        {with("filter=ignored"), nil},
		"filter by userName only":               {with("filter=user_name"), nil},
		"filter by parts":                       {with("filter=contains"), nil},
		"externalId dropped":                    {with("external_id=dropped"), nil},
		"members hidden":                        {with("members=hidden"), nil},
		"members hidden, by user":               {with("members=hidden"), membership(scim.MembershipUser)},
		"members of the user":                   {with("members=user"), membership(scim.MembershipUser)},
		"members hidden, by filter":             {with("members=hidden"), membership(scim.MembershipFilter)},
		"members not read":                      {with("members=hidden"), membership(scim.MembershipNone)},
		"cursors only":                          {with("pages=cursor"), func(c *scim.Config) { c.Pages = scim.PagesCursor }},
		"cut pages":                             {with("pages=cut"), nil},
		"DELETE disables":                       {with("delete=disable"), nil},
		"application/json":                      {with("media=application/json"), func(c *scim.Config) { c.MediaType = "application/json" }},
		"application/scim+json":                 {with("media=application/scim+json"), nil},
		"User-Agent":                            {with("user_agent=required"), func(c *scim.Config) { c.UserAgent = "acme" }},
		"everything at once, but in good faith": {with("nobody=null", "patch=501", "provider=html", "etag=version", "attributes=lower", "filter=user_name", "pages=cut", "delete=disable"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			journey(t, serve(t, test.switches, test.change))
		})
	}
}

// A server that says "done" and does nothing is found out by reading.
func TestSuccessWithoutEffect(t *testing.T) {
	for name, test := range map[string]struct {
		pair string
		do   func(s stand, a vendors.Account) error
	}{
		"update by PATCH": {"patch=ignored", func(s stand, a vendors.Account) error {
			return s.Update(t.Context(), origin, a, vendors.User{ID: ada.ID, LastName: "King"})
		}},
		"disable": {"patch=ignored", func(s stand, a vendors.Account) error { return s.Disable(t.Context(), origin, a) }},
		"delete":  {"delete=ignored", func(s stand, a vendors.Account) error { return s.Delete(t.Context(), origin, a) }},
		"enroll":  {"membership=ignored", func(s stand, a vendors.Account) error { return s.Enroll(t.Context(), enrollment(a)) }},
	} {
		t.Run(name, func(t *testing.T) {
			key, value, _ := strings.Cut(test.pair, "=")
			s := serve(t, map[string]string{key: value}, func(c *scim.Config) { c.Membership = scim.MembershipFilter })
			if err := test.do(s, s.create(t)); !vendors.IsUnreadable(err) || vendors.ClassOf(err) != vendors.Again {
				t.Errorf("got %v (%v), want an error that proves nothing", err, vendors.ClassOf(err))
			}
		})
	}
}

func TestEnableWithoutEffect(t *testing.T) {
	s := serve(t, map[string]string{"put": "ignored"}, nil)
	account := s.create(t)
	if err := s.Disable(t.Context(), origin, account); err != nil {
		t.Fatal(err)
	}
	s = stand{at(t, s.box, func(c *scim.Config) { c.Update = scim.UpdatePut }), s.box}
	if err := s.Enable(t.Context(), origin, account); !vendors.IsUnreadable(err) {
		t.Errorf("got %v, want an error that proves nothing", err)
	}
	if err := s.Update(t.Context(), origin, account, vendors.User{LastName: "King"}); !vendors.IsUnreadable(err) {
		t.Errorf("update: got %v, want an error that proves nothing", err)
	}
}

// at returns a further adapter of a stand-in.
func at(t *testing.T, box *sandbox.Sandbox, change func(*scim.Config)) *scim.Adapter {
	t.Helper()
	c := config(vendors.Settings{BaseURL: box.BaseURLs("scim.test")["scim"], HTTP: memnet.Serve(t, box.Handler()), SingleAttempt: true})
	change(&c)
	a, err := scim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A method that the setting rules out is never tried.
func TestSettingOfTheMethodWins(t *testing.T) {
	for method, test := range map[string]struct{ pair, other string }{
		scim.UpdatePatch: {"patch=501", "PUT /Users/{id}"},
		scim.UpdatePut:   {"put=405", "PATCH /Users/{id}"},
	} {
		t.Run(method, func(t *testing.T) {
			key, value, _ := strings.Cut(test.pair, "=")
			s := serve(t, map[string]string{key: value}, func(c *scim.Config) { c.Update = method })
			err := s.Disable(t.Context(), origin, s.create(t))
			if vendors.ClassOf(err) != vendors.Permanent || s.calls(test.other) != 0 || s.calls("GET /ServiceProviderConfig") != 0 {
				t.Errorf("got %v (%v), %d other calls", err, vendors.ClassOf(err), s.calls(test.other))
			}
		})
	}
}

// The method is learnt once.
func TestMethodIsLearntOnce(t *testing.T) {
	s := serve(t, map[string]string{"patch": "405", "provider": "404"}, nil)
	account := s.create(t)
	for range 3 {
		for _, err := range []error{s.Disable(t.Context(), origin, account), s.Enable(t.Context(), origin, account)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if tried, asked := s.calls("PATCH /Users/{id}"), s.calls("GET /ServiceProviderConfig"); tried != 1 || asked != 1 {
		t.Errorf("got %d calls of PATCH and %d of the configuration, want 1 of each", tried, asked)
	}
}
