package lead_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/lead"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

func TestLEADCannotRestore(t *testing.T) {
	t.Parallel()
	if _, ok := any(&lead.Adapter{}).(vendors.Restorer); ok {
		t.Error("the adapter restores, which LEAD documents no call for")
	}
}

func TestUpdateIsRefusedUnlessConfigured(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"", lead.UpdateRefuse} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			stand := vendortest.Serve(t, "lead", sandbox.Config{})
			c := configOf(stand)
			c.Update = word
			err := adapter(t, c).Update(t.Context(), origin, vendors.Account{ID: "1"}, ada)
			if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), "set USHER_LEAD_UPDATE to reset_password") {
				t.Errorf("got %v, want a permanent error that names the setting", err)
			}
			if calls := stand.State("lead").Calls; len(calls) != 0 {
				t.Errorf("got calls %v, want none", calls)
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	shown := `{"id":5,"email":"ada+1@example.org","role":"learner","salutation":"Dr","first_name":"Ada","last_name":"Example","suffix":"Jr",
		"stackable_person_id":144,"virtus_id":7,"phone":"+15550100","language":"es-US","time_zone":"Europe/Berlin","enrolled_in_academy":1,
		"sms_opt_in":0,"disable_notifications":1,"stripe_customer_id":"cus_1","profile_picture":"https://example.org/ada.png"}`
	asShown := map[string]string{
		"email": "ada+1@example.org", "role": "learner", "salutation": "Dr", "first_name": "Ada", "last_name": "Example", "suffix": "Jr",
		"stackable_person_id": "144", "virtus_id": "7", "phone": "+15550100", "language": "es-US", "time_zone": "Europe/Berlin",
		"enrolled_in_academy": "1", "sms_opt_in": "0", "disable_notifications": "1", "stripe_customer_id": "cus_1",
		"profile_picture": "https://example.org/ada.png",
	}
	tests := map[string]struct {
		user vendors.User
		want map[string]string // beside what LEAD showed
	}{
		"all": {
			vendors.User{Email: " King@Example.org", FirstName: "Augusta", LastName: "King", Locale: "en-GB", TimeZone: "Europe/London", Phone: "+15550199"},
			map[string]string{
				"email": "king@example.org", "first_name": "Augusta", "last_name": "King", "language": "en-US", "time_zone": "Europe/London", "phone": "+15550199",
			},
		},
		"nothing":      {vendors.User{}, nil},
		"no such zone": {vendors.User{TimeZone: "Europe/Atlantis"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := talking(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = fmt.Fprintf(w, `{"user":%s}`, shown)
				if r.Method != http.MethodPut {
					return
				}
				for field, want := range asShown {
					if said, ok := test.want[field]; ok {
						want = said
					}
					if got := r.PostFormValue(field); got != want {
						t.Errorf("%s: got %q, want %q", field, got, want)
					}
				}
				if len(r.PostFormValue("password")) < 20 || len(r.PostForm) != len(asShown)+1 {
					t.Errorf("got %d fields, want %d and a long password", len(r.PostForm), len(asShown))
				}
			})
			if err := adapter(t, config(url)).Update(t.Context(), origin, vendors.Account{ID: "5"}, test.user); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestUpdateLooksAtTheRole is about who may be updated. None is shown by id or
// e-mail, so that the pages are read.
func TestUpdateLooksAtTheRole(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		user string
		says string // a permanent error; empty: ErrNotFound
	}{
		"administrator":   {`{"id":9,"role":"admin"}`, "staff is never changed: the user is not a learner (take the role away"},
		"leader":          {`{"id":9,"role":"global_leader"}`, "staff is never changed: the user is not a learner (take the role away"},
		"role is missing": {`{"id":9}`, "staff is never changed: LEAD does not show the role of the user"},
		"gone":            {`{"id":10,"role":"learner"}`, ""},
		"deleted":         {`{"id":9,"role":"learner","deleted_at":"2023-09-19T14:33:20.000000Z"}`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := pages(t, 1, test.user)
			err := adapter(t, config(url)).Update(t.Context(), origin, vendors.Account{ID: "9"}, ada)
			if test.says != "" && (vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), test.says)) {
				t.Errorf("got %v, want a permanent error that says %q", err, test.says)
			}
			if test.says == "" && !errors.Is(err, vendors.ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
		})
	}
}

func TestUpdateAtTheStandIn(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	a := adapter(t, configOf(stand))
	create(t, a, vendors.User{ID: "u-2", Email: "eve@example.org"})
	made := create(t, a, ada)
	change := vendors.User{ID: "u-1", Email: "king@example.org", LastName: "King"}
	made.Email = change.Email // what the event says, under which LEAD shows nobody yet
	if err := a.Update(t.Context(), origin, made, change); err != nil {
		t.Fatal(err)
	}
	users := stand.State("lead").Users
	want := sandbox.User{
		ID: made.ID, Email: "king@example.org", Name: "Ada King", Locale: "es-US", TimeZone: "Europe/Berlin", Creates: 1, Updates: 1, Resets: 1,
	}
	if got := users[len(users)-1]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	change.Email = "eve@example.org"
	if err := a.Update(t.Context(), origin, made, change); vendors.ClassOf(err) != vendors.Permanent || vendors.StatusOf(err) != 422 {
		t.Errorf("got %v, want the 422 of a taken address as permanent", err)
	}
	if twins := stand.State("lead").Twins(); len(twins) != 0 {
		t.Errorf("got twins %+v", twins)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*lead.Config)
		want   string // the setting; empty: none is at fault
	}{
		"as they come":    {func(*lead.Config) {}, ""},
		"update in words": {func(c *lead.Config) { c.Update = "always" }, "update"},
		"whole address":   {func(c *lead.Config) { c.UnenrollPath = "https://lead.example.org/x" }, "unenroll_path"},
		"unknown method":  {func(c *lead.Config) { c.UnenrollPath = "GET courses/{course}" }, "unenroll_path"},
		"a method":        {func(c *lead.Config) { c.UnenrollPath = "DELETE courses/{course}" }, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := lead.Defaults()
			c.BaseURL = "http://127.0.0.1:1"
			c.Email = "usher@example.org"
			c.Password = "pw"
			test.change(&c)
			got := ""
			for _, f := range c.Faults() {
				got += f.Name
			}
			if _, err := lead.New(c); got != test.want || (err == nil) != (test.want == "") {
				t.Errorf("got a fault of %q and %v, want one of %q", got, err, test.want)
			}
		})
	}
}
