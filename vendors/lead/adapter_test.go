package lead_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/lead"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

var (
	origin = vendors.Origin{Key: "00112233445566778899aabbccddeeff", At: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	ada    = vendors.User{ID: "u-1", Email: "ada+1@example.org", FirstName: "Ada", LastName: "Example", Locale: "es-MX", TimeZone: "Europe/Berlin"}
	seven  = vendors.Course{ID: "7", Ours: "c-7"}
)

func adapter(t *testing.T, c lead.Config) *lead.Adapter {
	t.Helper()
	a, err := lead.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func create(t *testing.T, a *lead.Adapter, u vendors.User) vendors.Account {
	t.Helper()
	made, err := a.Create(t.Context(), origin, u)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := lead.New(lead.Config{EnrollPath: "https://lead.example.org/x"})
	for _, want := range []string{"base_url", "email", "password", "enroll_path"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

// every runs a test under every answer that LEAD does not document.
func every(t *testing.T, test func(*testing.T, sandbox.Switches)) {
	for _, twin := range []string{"422", "409", "400", "existing", "second"} {
		for _, path := range []string{"email-lookup", "email/lookup"} {
			for _, rest := range [][3]string{{"404", "ok", "200"}, {"200", "error", "404"}, {"404", "ok", "405"}} {
				switches := sandbox.Switches{DuplicateEmail: twin, LeadLookup: path, SecondDelete: rest[0], RepeatEnroll: rest[1], LeadShow: rest[2]}
				t.Run(strings.Join([]string{twin, path, rest[0], rest[1], rest[2]}, " "), func(t *testing.T) {
					t.Parallel()
					test(t, switches)
				})
			}
		}
	}
}

func TestLifeOfALearner(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, switches sandbox.Switches) {
		stand := vendortest.Serve(t, "lead", sandbox.Config{Switches: switches})
		a, ctx := adapter(t, configOf(stand)), t.Context()
		if err := a.Check(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Find(ctx, ada); !errors.Is(err, vendors.ErrNotFound) {
			t.Fatalf("got %v, want ErrNotFound", err)
		}
		made := create(t, a, ada)
		shouting := ada
		shouting.Email = "ADA+1@example.org"
		if found, err := a.Find(ctx, shouting); err != nil || found != made {
			t.Errorf("got %v, %v, want %v", found, err, made)
		}
		for range 2 {
			if err := a.Enroll(ctx, vendors.Enrollment{Origin: origin, Account: made, Course: seven}); err != nil {
				t.Error(err)
			}
		}
		if in, err := a.Enrolled(ctx, made, seven); err != nil || !in {
			t.Errorf("got %v, %v, want it in the course", in, err)
		}
		for range 2 {
			if err := a.Delete(ctx, origin, made); err != nil {
				t.Error(err)
			}
		}
		if _, err := a.Find(ctx, ada); !errors.Is(err, vendors.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		state := stand.State("lead")
		if len(state.Live()) != 1 || len(state.Twins()) != 0 || len(state.EnrolledTwice()) != 0 || state.Calls["POST /login"] != 1 {
			t.Errorf("got %+v, want Usher alone, one enrolment, one log-in", state)
		}
	})
}

func TestCreateOfWhoIsThere(t *testing.T) {
	t.Parallel()
	every(t, func(t *testing.T, switches sandbox.Switches) {
		if switches.DuplicateEmail == "second" { // nothing but Find keeps from this
			switches.DuplicateEmail = "422"
		}
		a := adapter(t, configOf(vendortest.Serve(t, "lead", sandbox.Config{Switches: switches})))
		first := create(t, a, ada)
		if again := create(t, a, ada); again.ID != first.ID || again.Existed != (switches.DuplicateEmail != "existing") {
			t.Errorf("got %v, want %v from before", again, first)
		}
	})
}

func TestSoftDeletedCollision(t *testing.T) {
	t.Parallel()
	a := adapter(t, configOf(vendortest.Serve(t, "lead", sandbox.Config{})))
	if err := a.Delete(t.Context(), origin, create(t, a, ada)); err != nil {
		t.Fatal(err)
	}
	_, err := a.Create(t.Context(), origin, ada)
	if vendors.ClassOf(err) != vendors.Permanent || vendors.StatusOf(err) != 422 || !strings.Contains(fmt.Sprint(err), "a soft-deleted user has it") {
		t.Errorf("got %v, want a permanent 422 that tells of the collision", err)
	}
}

func TestLostAnswersAreLookedUp(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.Kind{sandbox.FailAfter, sandbox.DropAfter} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			stand := vendortest.Serve(t, "lead", sandbox.Config{})
			a := adapter(t, configOf(stand))
			if err := stand.Box.Next("lead", sandbox.Fault{Kind: kind, On: "POST /users"}); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Create(t.Context(), origin, ada); !vendors.IsUnknown(err) {
				t.Errorf("got %v, want an error that says Unknown", err)
			}
			if _, err := a.Find(t.Context(), ada); err != nil {
				t.Errorf("got %v, want the user that was made", err)
			}
		})
	}
}

func TestFieldsOfALearner(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		user vendors.User
		want map[string]string
	}{
		"full": {ada, map[string]string{
			"email": "ada+1@example.org", "first_name": "Ada", "last_name": "Example", "language": "es-US", "time_zone": "Europe/Berlin",
		}},
		"locale of POSIX": {vendors.User{ID: "u-3", Email: "eva@example.org", FirstName: "Eva", Locale: "es_MX"}, map[string]string{"language": "es-US"}},
		"no such zone":    {vendors.User{ID: "u-4", Email: "eva@example.org", FirstName: "Eva", TimeZone: "Europe/Atlantis"}, map[string]string{"time_zone": "UTC"}},
		"no zone's name":  {vendors.User{ID: "u-5", Email: "eva@example.org", FirstName: "Eva", TimeZone: "Local"}, map[string]string{"time_zone": "UTC"}},
		"bare": {vendors.User{ID: "u-2", Email: "bob@example.org", Locale: "de"}, map[string]string{
			"email": "bob@example.org", "first_name": "bob", "last_name": "-", "language": "en-US", "time_zone": "UTC",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := talking(t, func(w http.ResponseWriter, r *http.Request) {
				test.want["role"], test.want["disable_notifications"] = "learner", "1"
				for field, want := range test.want {
					if got := r.PostFormValue(field); got != want {
						t.Errorf("%s: got %q, want %q", field, got, want)
					}
				}
				if len(r.PostFormValue("password")) < 20 {
					t.Error("the password is short")
				}
				_, _ = fmt.Fprintf(w, `{"user":{"id":5,"email":%q}}`, test.user.Email)
			})
			if got := create(t, adapter(t, config(url)), test.user); got.ID != "5" {
				t.Errorf("got %v, want 5", got)
			}
		})
	}
}

func TestFindWantsTheExactUser(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		found string
		want  error
	}{
		"another address": {`{"id":5,"email":"ada@example.org"}`, vendors.ErrNotFound},
		"deleted":         {`{"id":5,"email":"ada+1@example.org","deleted_at":"2023-09-19T14:33:20.000000Z"}`, vendors.ErrNotFound},
		"exact":           {`{"id":5,"email":"Ada+1@example.org","deleted_at":null}`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := talking(t, func(w http.ResponseWriter, r *http.Request) {
				if email := r.URL.Query().Get("email"); email == sandbox.LeadEmail {
					_, _ = fmt.Fprintf(w, `{"user":{"id":1,"email":%q}}`, email)
				} else if r.URL.RawQuery != "email=ada%2B1%40example.org" {
					t.Errorf("got query %s, want the + encoded", r.URL.RawQuery)
				} else {
					_, _ = fmt.Fprintf(w, `{"user":%s}`, test.found)
				}
			})
			if _, err := adapter(t, config(url)).Find(t.Context(), ada); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestSuite(t *testing.T) {
	unusable := vendors.Unusable
	vendortest.Run(t, vendortest.Suite{
		Name: "lead",
		New: func(s vendors.Settings) (vendors.Adapter, error) {
			c := config(s.BaseURL)
			c.Settings = s
			return lead.New(c)
		},
		Secrets: []string{sandbox.LeadPassword, "|sandbox"},
		Course:  "7",
		Login: func(r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/login") || r.URL.Query().Get("email") == sandbox.LeadEmail
		},
		EmptyMeansNobody: true, // Login passes the look-up of the service account on
		Repeatable:       []string{vendortest.Delete},
		ShowsOne:         true,
		Verdict: func(port string, status int) (*vendors.Class, bool) { // a list that is not there is a wrong base URL
			lists := slices.Contains([]string{vendortest.Update, vendortest.Unenroll, vendortest.Delete, vendortest.List}, port)
			return &unusable, lists && (status == http.StatusNotFound || status == http.StatusGone)
		},
	})
}
