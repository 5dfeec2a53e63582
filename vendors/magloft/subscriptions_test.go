package magloft_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/magloft"
	"github.com/usherhq/usher/vendors/sandbox"
)

// hidden is a Readers adapter at a stand-in that reads no e-mail in a path, with a
// reader who is in course 7. meddle answers the calls for subscriptions that it
// wants to; nil leaves all to the stand-in.
func hidden(t *testing.T, meddle func(w http.ResponseWriter, r *http.Request) bool) (*magloft.Readers, func() sandbox.VendorState, vendors.Account) {
	t.Helper()
	box, err := sandbox.New(sandbox.Config{Switches: sandbox.Switches{EmailPaths: "404"}})
	if err != nil {
		t.Fatal(err)
	}
	healthy := box.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "custom_subscriptions") || meddle == nil || !meddle(w, r) {
			healthy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	a := adapter(t, config(box.BaseURLs(server.Listener.Addr().String())["magloft"], magloft.ModeReaders)).(*magloft.Readers)
	for _, email := range []string{"eve@example.org", "ada+x@example.org"} {
		acc := add(t.Context(), t, a, magloft.ModeReaders, email)
		if err := a.Enroll(t.Context(), enrollment(acc, "7", "2026-01-01", "2026-09-01")); err != nil {
			t.Fatal(err)
		}
	}
	return a, func() sandbox.VendorState { return box.State().Vendors["magloft"] }, vendors.Account{ID: "2"}
}

// meddlers are what keeps a subscription from being found, beside its e-mail in a path.
func meddlers() map[string]func(w http.ResponseWriter, r *http.Request) bool {
	filtered := func(r *http.Request) bool { return r.URL.Query().Get("filter") != "" }
	return map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"nothing else": nil,
		"the filter is refused": func(w http.ResponseWriter, r *http.Request) bool {
			if filtered(r) {
				w.WriteHeader(http.StatusBadRequest)
			}
			return filtered(r)
		},
		"the filter looks elsewhere": func(w http.ResponseWriter, r *http.Request) bool {
			if filtered(r) {
				fmt.Fprint(w, `{"total":0,"page":1,"records":[]}`)
			}
			return filtered(r)
		},
		"the path shows another's": func(w http.ResponseWriter, r *http.Request) bool {
			byEmail := strings.Contains(r.URL.Path, "@")
			if byEmail {
				fmt.Fprint(w, `{"id":1,"active":true,"reader":{"id":1,"email":"eve@example.org"}}`)
			}
			return byEmail
		},
	}
}

// TestSubscriptionsThatTheEmailDoesNotFind is about servers that take the end of an
// e-mail in a path for a format: a subscription that is passed over would go on.
func TestSubscriptionsThatTheEmailDoesNotFind(t *testing.T) {
	actions := map[string]struct {
		do   func(t *testing.T, a *magloft.Readers, acc vendors.Account) error
		want string // the courses that somebody is in
	}{
		"cancel the subscription": {func(t *testing.T, a *magloft.Readers, acc vendors.Account) error {
			return a.Unenroll(t.Context(), enrollment(acc, "subscription", "", ""))
		}, "subscription 7"},
		"delete": {func(t *testing.T, a *magloft.Readers, acc vendors.Account) error {
			return a.Delete(t.Context(), origin, acc)
		}, "subscription 7"},
		"enrol in another course": {func(t *testing.T, a *magloft.Readers, acc vendors.Account) error {
			if err := a.Enroll(t.Context(), enrollment(acc, "8", "2026-04-01", "2026-05-01")); err != nil {
				return err
			}
			s, err := a.API().SubscriptionByID(t.Context(), 2)
			if s.StartDate != "2026-01-01" || s.EndDate != "2026-09-01" {
				t.Errorf("got days from %q to %q, want those of the course that was there", s.StartDate, s.EndDate)
			}
			return err
		}, "subscription 7 subscription 7 8"},
	}
	for how, meddle := range meddlers() {
		for action, test := range actions {
			t.Run(how+", "+action, func(t *testing.T) {
				a, state, acc := hidden(t, meddle)
				before := state().Calls
				if err := test.do(t, a, acc); err != nil {
					t.Fatal(err)
				}
				if got := inCourses(state()); got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
				put := "PUT /custom_subscriptions/{app}/{key}"
				if got := state().Calls[put] - before[put]; (got == 0) != (action == "enrol in another course") {
					t.Errorf("got %d calls that end a subscription", got)
				}
			})
		}
	}
}

// TestFirstEnrolmentDoesNotReadAllSubscriptions is about apps with many readers,
// where the server shows that it reads e-mails in paths.
func TestFirstEnrolmentDoesNotReadAllSubscriptions(t *testing.T) {
	a, s, acc := readersStand(t)
	if err := a.Enroll(t.Context(), enrollment(acc, "7", "", "")); err != nil {
		t.Fatal(err)
	}
	if n := s.State("magloft").Calls["GET /custom_subscriptions/{app}/page/{page}"]; n != 1 {
		t.Errorf("got %d pages read, want the filtered one alone", n)
	}
}

// TestSubscriptionsThatCannotBeLookedFor is about failures in the middle of a
// search: nobody has no subscription because of them.
func TestSubscriptionsThatCannotBeLookedFor(t *testing.T) {
	ill := false
	a, _, acc := hidden(t, func(w http.ResponseWriter, r *http.Request) bool {
		failing := ill && strings.Contains(r.URL.Path, "/page/")
		if failing {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return failing
	})
	ill = true
	if err := a.Unenroll(t.Context(), enrollment(acc, "subscription", "", "")); err == nil || vendors.ClassOf(err) != vendors.Again {
		t.Errorf("got %v, want that it is tried again", err)
	}
}
