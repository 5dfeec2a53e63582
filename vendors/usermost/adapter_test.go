package usermost_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/usermost"
	"github.com/usherhq/usher/vendors/vendortest"
)

var (
	origin  = vendors.Origin{Key: "00112233445566778899aabbccddeeff", At: at}
	another = vendors.Origin{Key: "ffeeddccbbaa99887766554433221100", At: at.Add(time.Hour)}
	ada     = vendors.User{ID: "u-1", Email: "ada+1@example.org", FirstName: "Ada", LastName: "Example"}
)

func adapter(t *testing.T, c usermost.Config) *usermost.Adapter {
	t.Helper()
	a, err := usermost.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := usermost.New(usermost.Config{Settings: vendors.Settings{BaseURL: "api"}})
	for _, want := range []string{"base_url", "license_code", "api_key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestUsermostCannotDeleteOrRestore(t *testing.T) {
	t.Parallel()
	if _, ok := any(&usermost.Adapter{}).(vendors.Deprovisioner); ok {
		t.Error("the adapter deletes, which Usermost documents no call for")
	}
	if _, ok := any(&usermost.Adapter{}).(vendors.Restorer); ok {
		t.Error("the adapter restores, where nothing was ever deleted")
	}
}

// twice makes a call again, as a redelivery does.
func twice(t *testing.T, call func() error) {
	t.Helper()
	for range 2 {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEverythingIsDoneOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.Kind{sandbox.None, sandbox.FailBefore, sandbox.FailAfter, sandbox.DropBefore, sandbox.DropAfter} {
		vendortest.Try(t, string(kind), func(t *testing.T) {
			stand := vendortest.Serve(t, "usermost", sandbox.Config{})
			a := adapter(t, configOf(stand))
			twice := func(t *testing.T, call func() error) {
				t.Helper()
				if err := stand.Box.Next("usermost", sandbox.Fault{Kind: kind}); err != nil {
					t.Fatal(err)
				}
				twice(t, call)
			}
			twice(t, func() error { _, err := a.Create(t.Context(), origin, ada); return err })
			twice(t, func() error {
				return a.Update(t.Context(), another, a.AccountOf("u-1"), vendors.User{Email: "augusta@example.org", Attributes: []byte(`{"plan":"pro"}`)})
			})
			twice(t, func() error {
				return a.Enroll(t.Context(), vendors.Enrollment{
					Origin: origin, UserID: "u-1", Account: a.AccountOf("u-1"), Course: vendors.Course{Ours: "c-1"}, StartsOn: "2026-03-02",
				})
			})
			twice(t, func() error {
				return a.Unenroll(t.Context(), vendors.Enrollment{Origin: another, UserID: "u-1", Account: a.AccountOf("u-1"), Course: vendors.Course{Ours: "c-1"}})
			})
			twice(t, func() error {
				return a.Track(t.Context(), vendors.Activity{Origin: origin, UserID: "u-1", Name: "opened", At: at})
			})
			state := stand.State("usermost")
			want := sandbox.User{
				ID: "u-1", External: "u-1", Email: "augusta@example.org", Name: "Ada Example", Attributes: `{"plan":"pro"}`, Creates: 1, Updates: 1,
			}
			if len(state.Users) != 1 || state.Users[0] != want {
				t.Errorf("got users %+v, want %+v", state.Users, want)
			}
			if len(state.Events) != 3 || len(state.RecordedTwice()) != 0 {
				t.Errorf("got events %+v, want three, each recorded once", state.Events)
			}
			if in := state.Enrollments; len(in) != 1 || in[0] != (sandbox.Enrollment{UserID: "u-1", CourseID: "c-1", Applied: 1, Ended: 1}) {
				t.Errorf("got enrolments %+v, want one in c-1, ended", in)
			}
		})
	}
}

func TestWindowOfTheRequestID(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := at
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	stand := vendortest.Serve(t, "usermost", sandbox.Config{Clock: clock})
	a := adapter(t, configOf(stand))
	for _, wait := range []time.Duration{0, 3*time.Hour + 59*time.Minute, 2 * time.Minute} {
		mu.Lock()
		now = now.Add(wait)
		mu.Unlock()
		if err := a.Track(t.Context(), vendors.Activity{Origin: origin, UserID: "u-1", Name: "opened", At: at}); err != nil {
			t.Fatal(err)
		}
	}
	events := stand.State("usermost").Events
	if len(events) != 1 || events[0].Received != 3 || events[0].Recorded != 2 {
		t.Errorf("got %+v, want one event, received three times and recorded twice", events)
	}
}

// recorder answers every call with success and keeps what was sent.
func recorder(t *testing.T) (string, *[]map[string]any, *[]string) {
	t.Helper()
	var bodies []map[string]any
	var ids []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		bodies, ids = append(bodies, body), append(ids, r.Header.Get("X-Request-Id"))
		_, _ = w.Write([]byte(`{"response":{"status":"success"}}`))
	}))
	t.Cleanup(server.Close)
	return server.URL, &bodies, &ids
}

func TestEventsAreFrozen(t *testing.T) {
	t.Parallel()
	url, bodies, ids := recorder(t)
	a := adapter(t, config(url))
	long := strings.Repeat("ä", 60)
	for _, name := range []string{long, long, long + "b", "short"} {
		if err := a.Track(t.Context(), vendors.Activity{Origin: origin, UserID: "u-1", Name: name, At: at}); err != nil {
			t.Fatal(err)
		}
	}
	names := map[any]bool{}
	for i, body := range *bodies {
		names[body["eventName"]] = true
		if n := len([]rune(body["eventName"].(string))); n >= 50 {
			t.Errorf("got a name of %d characters, want fewer than 50", n)
		}
		if body["eventTime"] != "2026-03-01T08:00:00+0000" {
			t.Errorf("got time %v, want it in UTC with +0000", body["eventTime"])
		}
		if id := (*ids)[i]; len(id) != 32 || id != (*ids)[0] {
			t.Errorf("got request id %q, want the 32 digits of the first: %q", id, (*ids)[0])
		}
	}
	if len(names) != 3 {
		t.Errorf("got names %v, want three: the same name is always cut alike", names)
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	t.Parallel()
	url, bodies, ids := recorder(t)
	a := adapter(t, config(url))
	other := vendors.Origin{Key: "ff", At: at}
	calls := []error{
		second(a.Create(t.Context(), origin, ada)), second(a.Create(t.Context(), other, ada)),
		a.Enroll(t.Context(), vendors.Enrollment{Origin: origin, UserID: "u-1", Course: vendors.Course{Ours: "c"}}),
		a.Unenroll(t.Context(), vendors.Enrollment{Origin: origin, UserID: "u-1", Course: vendors.Course{Ours: "c"}}),
		a.Update(t.Context(), another, a.AccountOf("u-1"), ada),
		a.Track(t.Context(), vendors.Activity{Origin: origin, UserID: "u-1", Name: "n", At: at}),
	}
	if err := errors.Join(calls...); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, id := range *ids {
		seen[id] = true
	}
	if len(seen) != len(calls) {
		t.Errorf("got %d request ids of %d different calls", len(seen), len(calls))
	}
	if got := (*bodies)[0]; len(got) != 4 {
		t.Errorf("got %v, want only what is known of the user", got)
	}
}

func second(_ vendors.Account, err error) error { return err }

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*usermost.Config)
		ok     bool
	}{
		"good":        {func(*usermost.Config) {}, true},
		"bad key":     {func(c *usermost.Config) { c.APIKey = sandbox.WrongCredential }, false},
		"bad license": {func(c *usermost.Config) { c.LicenseCode = sandbox.WrongCredential }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := vendortest.Serve(t, "usermost", sandbox.Config{})
			c := configOf(stand)
			test.change(&c)
			err := adapter(t, c).Check(t.Context())
			if (err == nil) != test.ok || (err != nil && vendors.ClassOf(err) != vendors.Unusable) {
				t.Errorf("got %v, want success to be %v, and else unusable", err, test.ok)
			}
			if users := stand.State("usermost").Users; len(users) != 0 {
				t.Errorf("the check made %+v", users)
			}
		})
	}
}

func TestFindKnowsNobody(t *testing.T) {
	t.Parallel()
	if _, err := adapter(t, config("http://127.0.0.1:1")).Find(t.Context(), ada); !errors.Is(err, vendors.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestSuite(t *testing.T) {
	unusable := vendors.Unusable
	vendortest.Run(t, vendortest.Suite{
		Name: "usermost",
		New: func(s vendors.Settings) (vendors.Adapter, error) {
			c := config(s.BaseURL)
			c.Settings = s
			return usermost.New(c)
		},
		Secrets: []string{sandbox.UsermostAPIKey},
		Course:  "c-1",
		Repeatable: []string{
			vendortest.Create, vendortest.Enroll, vendortest.Track,
		},
		Verdict: func(_ string, status int) (*vendors.Class, bool) { return &unusable, status == http.StatusNotFound },
	})
}
