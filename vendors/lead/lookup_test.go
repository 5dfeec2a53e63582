package lead_test

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

func TestPathsAreProbedOnce(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"email-lookup", "email/lookup"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			var probes atomic.Int64
			url := talking(t, func(w http.ResponseWriter, r *http.Request) {
				email := r.URL.Query().Get("email")
				if email == sandbox.LeadEmail {
					probes.Add(1)
				}
				if r.URL.Path != "/users/"+path || email != sandbox.LeadEmail {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				_, _ = fmt.Fprintf(w, `{"user":{"id":1,"email":%q}}`, email)
			})
			a := adapter(t, config(url))
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					if _, err := a.Find(t.Context(), ada); !errors.Is(err, vendors.ErrNotFound) {
						t.Errorf("got %v, want ErrNotFound", err)
					}
				})
			}
			all.Wait()
			if n := probes.Load(); n > 2 {
				t.Errorf("got %d probes, want no more than one of each path", n)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	say := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	own := `{"user":{"id":1,"email":"` + sandbox.LeadEmail + `"}}`
	tests := map[string]struct {
		dashed, slashed http.HandlerFunc
		want            vendors.Class
		found           bool
	}{
		"neither":                   {say(404, "{}"), say(404, "{}"), vendors.Unusable, false},
		"somebody else":             {say(200, `{"user":{"id":2,"email":"x@example.org"}}`), say(405, "{}"), vendors.Unusable, false},
		"one fails, other is right": {say(503, "{}"), say(200, own), vendors.Again, true},
		"one fails, other is not":   {say(503, "{}"), say(404, "{}"), vendors.Again, false},
		"forbidden":                 {say(403, "{}"), say(200, own), vendors.Unusable, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := talking(t, func(w http.ResponseWriter, r *http.Request) {
				answer := test.dashed
				if r.URL.Path == "/users/email/lookup" {
					answer = test.slashed
				}
				answer(w, r)
			})
			err := adapter(t, config(url)).Check(t.Context())
			if (err == nil) != test.found || vendors.ClassOf(err) != test.want || errors.Is(err, vendors.ErrNotFound) {
				t.Errorf("got %v (%v), want %v", err, vendors.ClassOf(err), test.want)
			}
		})
	}
}

// TestProbeWithoutTheServiceAccount is about a tenant whose service account is
// none of its users.
func TestProbeWithoutTheServiceAccount(t *testing.T) {
	t.Parallel()
	bob := `{"id":2,"email":"bob@example.org","role":"learner"}`
	tests := map[string]struct {
		list  string // what GET /users answers; empty: 405
		where string // the path that shows bob
		want  vendors.Class
		known bool // whether a look-up can be made
	}{
		"another user shows the path":    {`{"users":{"current_page":1,"last_page":1,"total":1,"data":[` + bob + `]}}`, "/users/email/lookup", vendors.Again, true},
		"a deleted user shows nothing":   {`{"users":{"current_page":1,"last_page":1,"total":3,"data":[{"id":3},{"id":4,"email":"eve@example.org","deleted_at":"2023-09-19T14:33:20.000000Z"},` + bob + `]}}`, "/users/email/lookup", vendors.Again, true},
		"another user shows no path":     {`{"users":{"current_page":1,"last_page":1,"total":1,"data":[` + bob + `]}}`, "/nowhere", vendors.Unusable, false},
		"there are no users":             {`{"users":{"current_page":1,"last_page":1,"total":0,"data":[]}}`, "/users/email-lookup", vendors.Again, true},
		"the tenant does not list users": {"", "/users/email-lookup", vendors.Unusable, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := talking(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/users" && test.list != "":
					_, _ = fmt.Fprint(w, test.list)
				case r.URL.Path == "/users":
					w.WriteHeader(http.StatusMethodNotAllowed)
				case r.URL.Path == test.where && r.URL.Query().Get("email") == "bob@example.org":
					_, _ = fmt.Fprint(w, `{"user":`+bob+`}`)
				default:
					w.WriteHeader(http.StatusNotFound)
				}
			})
			_, err := adapter(t, config(url)).Find(t.Context(), ada)
			if known := errors.Is(err, vendors.ErrNotFound); known != test.known || vendors.ClassOf(err) != test.want {
				t.Errorf("got %v, want class %v and that a look-up is possible: %v", err, test.want, test.known)
			}
		})
	}
}

func TestFailedProbeIsNotRemembered(t *testing.T) {
	t.Parallel()
	var mended atomic.Bool
	url := talking(t, func(w http.ResponseWriter, r *http.Request) {
		if !mended.Load() || r.URL.Query().Get("email") != sandbox.LeadEmail {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = fmt.Fprintf(w, `{"user":{"id":1,"email":%q}}`, sandbox.LeadEmail)
	})
	a := adapter(t, config(url))
	if _, err := a.Find(t.Context(), ada); vendors.ClassOf(err) != vendors.Unusable {
		t.Errorf("got %v, want unusable", err)
	}
	mended.Store(true)
	if _, err := a.Find(t.Context(), ada); !errors.Is(err, vendors.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// pages serves users in Laravel's pages, two at a time, none by id, and counts deletions.
func pages(t *testing.T, total int, users ...string) (string, *atomic.Int64) {
	t.Helper()
	var deleted atomic.Int64
	return talking(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodDelete:
			deleted.Add(1)
			_, _ = fmt.Fprint(w, `{"message":"User deleted"}`)
		case r.URL.Path != "/users":
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			page, err := strconv.Atoi(r.URL.Query().Get("page"))
			if err != nil {
				t.Error(err)
			}
			from := min((page-1)*2, len(users))
			list := strings.Join(users[from:min(from+2, len(users))], ",")
			_, _ = fmt.Fprintf(w, `{"users":{"current_page":%d,"data":[%s],"last_page":%d,"per_page":2,"total":%d}}`, page, list, (len(users)+1)/2, total)
		}
	}), &deleted
}

// A page that fails does not end a walk over many pages: with a fault now and then, no walk
// would ever come to its end.
func TestAWalkOutlastsAFault(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{Switches: sandbox.Switches{LeadShow: "405"}})
	c := configOf(stand)
	c.SingleAttempt = true
	a := adapter(t, c)
	var last vendors.Account
	for n := range 60 { // on three pages
		last = create(t, a, vendors.User{Email: fmt.Sprintf("u%d@example.org", n)})
	}
	pages := []sandbox.Fault{{Kind: sandbox.None}, {Kind: sandbox.FailBefore}, {Kind: sandbox.FailAfter}, {Kind: sandbox.None}, {Kind: sandbox.DropBefore}}
	for i := range pages {
		pages[i].On = "GET /users"
	}
	if err := stand.Box.Next("lead", pages...); err != nil {
		t.Fatal(err)
	}
	if err := a.Delete(t.Context(), origin, vendors.Account{ID: last.ID}); err != nil {
		t.Error(err)
	}
	if n := stand.State("lead").Calls["GET /users"]; n != 6 {
		t.Errorf("got %d calls for three pages, want 6", n)
	}
}

func TestDeleteLearnsTheRoleFromThePages(t *testing.T) {
	t.Parallel()
	others := []string{`{"id":1,"role":"admin"}`, `{"id":2,"role":"learner"}`, `{"id":3,"role":"learner"}`, `{"id":4,"role":"learner"}`}
	tests := map[string]struct {
		user    string // with id 9, on the last page
		missing int    // users that the total counts and the pages do not show
		class   vendors.Class
		deletes int64
		ok      bool
	}{
		"learner":         {`{"id":9,"role":"learner"}`, 0, vendors.Again, 1, true},
		"administrator":   {`{"id":9,"role":"admin"}`, 0, vendors.Permanent, 0, false},
		"leader":          {`{"id":9,"role":"global_leader"}`, 0, vendors.Permanent, 0, false},
		"role is missing": {`{"id":9}`, 0, vendors.Permanent, 0, false},
		"gone":            {`{"id":10,"role":"learner"}`, 0, vendors.Again, 0, true},
		"list is moving":  {`{"id":10,"role":"learner"}`, 1, vendors.Again, 0, false},
		"deleted":         {`{"id":9,"role":"learner","deleted_at":"2023-09-19T14:33:20.000000Z"}`, 0, vendors.Again, 0, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			users := append(append([]string{}, others...), test.user)
			url, deleted := pages(t, len(users)+test.missing, users...)
			err := adapter(t, config(url)).Delete(t.Context(), origin, vendors.Account{ID: "9"})
			if (err == nil) != test.ok || vendors.ClassOf(err) != test.class || deleted.Load() != test.deletes {
				t.Errorf("got %v (%v), %d deletions; want success to be %v (%v), %d", err, vendors.ClassOf(err), deleted.Load(), test.ok, test.class, test.deletes)
			}
		})
	}
}

func TestDeleteOnManyPages(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	a := adapter(t, configOf(stand))
	var last vendors.Account
	for i := range 60 {
		last = create(t, a, vendors.User{ID: "u", Email: fmt.Sprintf("user+%d@example.org", i)})
	}
	if err := a.Delete(t.Context(), origin, last); err != nil {
		t.Fatal(err)
	}
	if n := len(stand.State("lead").Live()); n != 60 { // with Usher itself
		t.Errorf("got %d live users, want 60", n)
	}
	if err := a.Delete(t.Context(), origin, last); err != nil { // gone: all three pages are read before it is believed
		t.Error(err)
	}
	if n := stand.State("lead").Calls["GET /users"]; n != 3 {
		t.Errorf("got %d pages read, want 3", n)
	}
}

func TestStaffStaysAsItIs(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	a := adapter(t, configOf(stand))
	for op, err := range map[string]error{
		"delete": a.Delete(t.Context(), origin, vendors.Account{ID: "1"}), "update": a.Update(t.Context(), origin, vendors.Account{ID: "1"}, ada),
	} {
		if err == nil || vendors.ClassOf(err) != vendors.Permanent {
			t.Errorf("%s: got %v, want a permanent error", op, err)
		}
	}
	if calls := stand.State("lead").Calls; calls["DELETE /users/{id}"] != 0 || calls["PUT /users/{id}"] != 0 {
		t.Errorf("got calls %v, want no deletion and no update", calls)
	}
}

// TestDeleteByEmail is about a tenant that shows users by e-mail, none by id,
// and whose list is too long to read.
func TestDeleteByEmail(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		user    string // who the look-up shows
		deletes int64
		ok      bool
	}{
		"the learner":   {`{"id":9,"email":"ada+1@example.org","role":"learner"}`, 1, true},
		"staff":         {`{"id":9,"email":"ada+1@example.org","role":"admin"}`, 0, false},
		"somebody else": {`{"id":8,"email":"ada+1@example.org","role":"learner"}`, 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var deleted atomic.Int64
			url := talking(t, func(w http.ResponseWriter, r *http.Request) {
				email := r.URL.Query().Get("email")
				switch {
				case r.Method == http.MethodDelete:
					deleted.Add(1)
					_, _ = fmt.Fprint(w, `{"message":"User deleted"}`)
				case r.URL.Path == "/users/email-lookup" && email == sandbox.LeadEmail:
					_, _ = fmt.Fprintf(w, `{"user":{"id":1,"email":%q,"role":"admin"}}`, email)
				case r.URL.Path == "/users/email-lookup" && email == ada.Email:
					_, _ = fmt.Fprintf(w, `{"user":%s}`, test.user)
				case r.URL.Path == "/users/9":
					w.WriteHeader(http.StatusMethodNotAllowed)
				default:
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			})
			err := adapter(t, config(url)).Delete(t.Context(), origin, vendors.Account{ID: "9", Email: ada.Email})
			if (err == nil) != test.ok || deleted.Load() != test.deletes {
				t.Errorf("got %v, %d deletions; want success to be %v, %d", err, deleted.Load(), test.ok, test.deletes)
			}
		})
	}
}

// TestCaseOfTheEmail is about a tenant whose look-up minds the case.
func TestCaseOfTheEmail(t *testing.T) {
	t.Parallel()
	made := ""
	url := talking(t, func(w http.ResponseWriter, r *http.Request) {
		email := r.URL.Query().Get("email")
		switch {
		case r.Method == http.MethodPost:
			made = r.FormValue("email")
			_, _ = fmt.Fprintf(w, `{"status":201,"user":{"id":9,"email":%q}}`, made)
		case r.URL.Path == "/users/email-lookup" && (email == sandbox.LeadEmail || email == "Old@example.org" || email == made):
			_, _ = fmt.Fprintf(w, `{"user":{"id":7,"email":%q}}`, email)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	a := adapter(t, config(url))
	create(t, a, vendors.User{ID: "u", Email: "New@Example.org"})
	for _, email := range []string{"new@example.org", "NEW@example.org", "Old@example.org"} {
		if _, err := a.Find(t.Context(), vendors.User{Email: email}); err != nil {
			t.Errorf("%s: got %v, want that it is found", email, err)
		}
	}
}
