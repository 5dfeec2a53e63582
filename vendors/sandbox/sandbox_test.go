package sandbox_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/sandbox"
)

const users = "/miestro/api/v1.0/users"

// serve starts a sandbox and returns it with its address.
func serve(t *testing.T, c sandbox.Config) (*sandbox.Sandbox, string) {
	t.Helper()
	box, err := sandbox.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(box.Handler())
	t.Cleanup(server.Close)
	return box, server.URL
}

// call makes one call to Miestro and returns its status, 0 where no answer came.
func call(t *testing.T, method, url, body string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forward-Api-Key", sandbox.MiestroAPIKey)
	r.Header.Set("X-Forward-Api-Secret", sandbox.MiestroAPISecret)
	r.Close = true // so that a lost connection is not tried again in silence
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, ""
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(got)
}

const ada = `{"name":"Ada","email":"ada@example.org","password":"pw","role":0}`

func TestNewRefusesWhatItDoesNotKnow(t *testing.T) {
	tests := map[string]struct {
		config sandbox.Config
		want   string
	}{
		"duplicate":  {sandbox.Config{Switches: sandbox.Switches{DuplicateEmail: "418"}}, "422, 409, 400, existing, second"},
		"delete":     {sandbox.Config{Switches: sandbox.Switches{SecondDelete: "no"}}, "404, 200"},
		"enroll":     {sandbox.Config{Switches: sandbox.Switches{RepeatEnroll: "no"}}, "ok, error, second"},
		"unenroll":   {sandbox.Config{Switches: sandbox.Switches{RepeatUnenroll: "no"}}, "ok, error, 404"},
		"restore":    {sandbox.Config{Switches: sandbox.Switches{RepeatRestore: "no"}}, "404, 200"},
		"classes":    {sandbox.Config{Switches: sandbox.Switches{Classifications: "no"}}, "replace, add"},
		"paths":      {sandbox.Config{Switches: sandbox.Switches{EmailPaths: "no"}}, "whole, 404"},
		"errors":     {sandbox.Config{Switches: sandbox.Switches{MiestroErrors: "no"}}, "status, body"},
		"show":       {sandbox.Config{Switches: sandbox.Switches{LeadShow: "no"}}, "200, 404, 405"},
		"look-up":    {sandbox.Config{Switches: sandbox.Switches{LeadLookup: "no"}}, "email-lookup, email/lookup"},
		"share":      {sandbox.Config{Faults: 1.5}, "from 0 to 1"},
		"late share": {sandbox.Config{Late: -1, LateBy: 1}, "from 0 to 1"},
		"late by":    {sandbox.Config{LateBy: -time.Second}, "late-by: -1s is not positive"},
		"late at 0":  {sandbox.Config{Late: 0.5}, "late-by: 0s is not positive"},
		"below zero": {sandbox.Config{Latency: -time.Second}, "negative"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := sandbox.New(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to say %q", err, test.want)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	tests := map[sandbox.Kind]struct {
		status int // 0: the connection is lost
		made   int // users afterwards
	}{
		sandbox.None: {200, 1}, sandbox.TooMany: {429, 0}, sandbox.FailBefore: {503, 0}, sandbox.FailAfter: {500, 1},
		sandbox.DropBefore: {0, 0}, sandbox.DropAfter: {0, 1}, sandbox.ExpiredToken: {200, 1},
	}
	for kind, test := range tests {
		t.Run(string(kind), func(t *testing.T) {
			box, url := serve(t, sandbox.Config{})
			if err := box.Next("miestro", sandbox.Fault{Kind: kind, On: "POST /users"}); err != nil {
				t.Fatal(err)
			}
			if status, _, _ := call(t, "GET", url+users, ""); status != 200 {
				t.Errorf("got %d for another call, want 200", status)
			}
			status, header, _ := call(t, "POST", url+users, ada)
			if status != test.status || (status == 429 && header.Get("Retry-After") != "1") {
				t.Errorf("got %d, want %d", status, test.status)
			}
			state := box.State().Vendors["miestro"]
			if len(state.Users) != test.made || state.Calls["POST /users"] != 1 {
				t.Errorf("got %+v, want %d users after one call", state, test.made)
			}
			if status, _, _ := call(t, "GET", url+users, ""); status != 200 {
				t.Errorf("got %d for the call after, want 200", status)
			}
		})
	}
}

func TestNextKnowsItsVendors(t *testing.T) {
	box, _ := serve(t, sandbox.Config{})
	if err := box.Next("nobody", sandbox.Fault{Kind: sandbox.TooMany}); err == nil {
		t.Error("got no error for a vendor that there is not")
	}
}

// statuses makes 200 calls against a sandbox with the seed.
func statuses(t *testing.T, seed uint64) []int {
	t.Helper()
	_, url := serve(t, sandbox.Config{Seed: seed, Faults: 0.3})
	var got []int
	for range 200 {
		status, _, _ := call(t, "GET", url+users, "")
		got = append(got, status)
	}
	return got
}

func TestTheSeedChoosesTheFaults(t *testing.T) {
	first := statuses(t, 7)
	if !reflect.DeepEqual(first, statuses(t, 7)) {
		t.Error("the same seed gave other faults")
	}
	if reflect.DeepEqual(first, statuses(t, 8)) {
		t.Error("another seed gave the same faults")
	}
	bad := 0
	for _, status := range first {
		if status != 200 {
			bad++
		}
	}
	if bad < 30 || bad > 90 {
		t.Errorf("got %d faults in 200 calls, want about 60", bad)
	}
}

func TestFaultsCanBeSetAtRunTime(t *testing.T) {
	box, url := serve(t, sandbox.Config{})
	box.SetFaults(1)
	if status, _, _ := call(t, "GET", url+users, ""); status == 200 {
		t.Error("got 200, want a fault")
	}
	if status, _, _ := call(t, "GET", url+"/state", ""); status != 200 {
		t.Errorf("got %d for the state, want 200: it has no faults", status)
	}
	box.SetFaults(0)
	if status, _, _ := call(t, "GET", url+users, ""); status != 200 {
		t.Errorf("got %d, want 200", status)
	}
	given := 0
	for _, n := range box.State().Vendors["miestro"].Faults {
		given += n
	}
	if given != 1 {
		t.Errorf("got %d faults counted, want 1", given)
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, err := sandbox.New(sandbox.Config{Latency: 2 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		for range 50 {
			box.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, users, nil))
		}
		if took := time.Since(begun); took < 30*time.Millisecond {
			t.Errorf("50 calls took %v, want about 100 ms", took)
		}
	})
}

func TestStateIsServedAndIsACopy(t *testing.T) {
	box, url := serve(t, sandbox.Config{})
	call(t, "POST", url+users, ada)
	box.State().Vendors["miestro"].Users[0].Email = "changed"
	box.State().Vendors["miestro"].Calls["POST /users"] = 99
	_, _, body := call(t, "GET", url+"/state", "")
	var got sandbox.State
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if m := got.Vendors["miestro"]; m.Users[0].Email != "ada@example.org" || m.Calls["POST /users"] != 1 || len(got.Vendors) != 5 {
		t.Errorf("got %s", body)
	}
}

func TestIndexListsTheBaseURLs(t *testing.T) {
	box, url := serve(t, sandbox.Config{})
	_, _, body := call(t, "GET", url+"/", "")
	for name, base := range box.BaseURLs(strings.TrimPrefix(url, "http://")) {
		if !strings.Contains(body, name) || !strings.Contains(body, base) || !strings.HasPrefix(base, url) {
			t.Errorf("%s %s is not in %q", name, base, body)
		}
	}
	if status, _, _ := call(t, "GET", url+"/miestro/api/v1.0/people", ""); status != 404 {
		t.Errorf("got %d for a call that there is not, want 404", status)
	}
}

func TestSecondAccountsAreShown(t *testing.T) {
	box, url := serve(t, sandbox.Config{Switches: sandbox.Switches{DuplicateEmail: "second", RepeatEnroll: "second"}})
	var errs []error
	for range 2 {
		if status, _, body := call(t, "POST", url+users, ada); status != 200 {
			errs = append(errs, errors.New(body))
		}
		if status, _, body := call(t, "POST", url+users+"/1/enroll", `{"course_id":7}`); status != 200 {
			errs = append(errs, errors.New(body))
		}
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	state := box.State().Vendors["miestro"]
	if len(state.Twins()) != 1 || len(state.EnrolledTwice()) != 1 {
		t.Errorf("got twins %v and enrolments %v, want one of each", state.Twins(), state.EnrolledTwice())
	}
	call(t, "DELETE", url+users+"/1", "")
	if state := box.State().Vendors["miestro"]; len(state.Twins()) != 0 || len(state.Live()) != 1 {
		t.Errorf("got %+v, want no twins among the living", state.Users)
	}
}

func TestRecordedTwice(t *testing.T) {
	tests := map[string]struct {
		events []sandbox.Event
		want   int
	}{
		"once":              {[]sandbox.Event{{Key: "a", Received: 3, Recorded: 1}, {Key: "b", Recorded: 1}}, 0},
		"counted twice":     {[]sandbox.Event{{Key: "a", Recorded: 2}}, 1},
		"two request ids":   {[]sandbox.Event{{Key: "a", RequestID: "1", Recorded: 1}, {Key: "a", RequestID: "2", Recorded: 1}}, 1},
		"events of no keys": {[]sandbox.Event{{Recorded: 1}, {Recorded: 1}}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := (sandbox.VendorState{Events: test.events}).RecordedTwice(); len(got) != test.want {
				t.Errorf("got %+v, want %d", got, test.want)
			}
		})
	}
}

// Instances of one kind have accounts of their own, and fail on their own.
func TestInstancesAreApart(t *testing.T) {
	stands, err := sandbox.New(sandbox.Config{Instances: map[string]string{"school2": "miestro", "office": "lead", "ours": "meiro"}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(stands.Handler())
	defer web.Close()
	host := strings.TrimPrefix(web.URL, "http://")
	create := func(name string) error {
		c := miestro.Defaults()
		c.BaseURL, c.APIKey, c.APISecret, c.SingleAttempt = stands.BaseURLs(host)[name], sandbox.MiestroAPIKey, sandbox.MiestroAPISecret, true
		adapter, err := miestro.New(c)
		if err == nil {
			_, err = adapter.Create(t.Context(), vendors.Origin{}, vendors.User{Email: "ada@example.org"})
		}
		return err
	}
	if err := stands.Control("miestro", "down", time.Minute); err != nil {
		t.Fatal(err)
	}
	if create("school2") != nil || create("miestro") == nil {
		t.Error("the instance fails, or the first does not")
	}
	state := stands.State()
	if len(state.Vendors["school2"].Users) != 1 || len(state.Vendors["miestro"].Users) != 0 {
		t.Errorf("got %+v", state)
	}
	environ := strings.Join(stands.Environ(host), "\n")
	for _, want := range []string{
		"USHER_SCHOOL2_BASE_URL=" + web.URL + "/school2/api/v1.0", "USHER_OFFICE_BASE_URL=" + web.URL + "/office/api",
		"USHER_OURS_COLLECT_URL=" + web.URL + "/ours/collect/usher", "USHER_OFFICE_UPDATE=reset_password",
	} {
		if !strings.Contains(environ, want+"\n") {
			t.Errorf("the environment has no %s:\n%s", want, environ)
		}
	}
}

func TestInstancesThatCannotBe(t *testing.T) {
	for name, kind := range map[string]string{"lead": "miestro", "School": "miestro", "a b": "lead", "school": "miestor", "": "lead"} {
		if _, err := sandbox.New(sandbox.Config{Instances: map[string]string{name: kind}}); err == nil {
			t.Errorf("%q of %q is taken", name, kind)
		}
	}
}
