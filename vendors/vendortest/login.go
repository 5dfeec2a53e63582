package vendortest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
)

// LogIn describes a vendor whose adapter logs in with a password and then uses a token.
type LogIn struct {
	// Name is the name of the vendor, as in the sandbox.
	Name string
	// New returns an adapter with the password.
	New func(s vendors.Settings, password string) (vendors.Adapter, error)
	// Password is the valid password.
	Password string
	// Call is the log-in, as counted by the sandbox: "POST /login".
	Call string
	// Create is the call that creates an account, as counted by the sandbox.
	Create string
	// Answer is the response to a log-in, with %q for the token.
	Answer string
	// Renewals has the calls counted by the sandbox if the adapter calls, waits and calls
	// again.
	Renewals map[string]Renewal
}

// Renewal is a wait between two calls, and the resulting number of calls of each kind.
type Renewal struct {
	Wait  time.Duration
	Calls map[string]int
}

// Run checks that the adapter logs in once for all callers, logs in again after the token
// expired, and never logs in twice with a wrong password.
func (l LogIn) Run(t *testing.T) {
	for name, check := range map[string]func(*testing.T){
		"one log-in for a hundred": l.once, "write is made once more on 401": l.repeats,
		"wrong password is tried once": l.wrongPassword, "errors hold no token": l.secrets,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t)
		})
	}
	for name, r := range l.Renewals {
		t.Run("token is renewed, "+name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { l.renews(t, r) })
		})
	}
}

// adapter returns an adapter with a password.
func (l LogIn) adapter(t *testing.T, s vendors.Settings, password string) vendors.Adapter {
	t.Helper()
	a, err := l.New(s, password)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serve starts the fake vendor, and returns an adapter with a password.
func (l LogIn) serve(t *testing.T, password string) (vendors.Adapter, Server) {
	t.Helper()
	stand := Serve(t, l.Name, sandbox.Config{})
	return l.adapter(t, vendors.Settings{BaseURL: stand.URL, HTTP: stand.HTTP}, password), stand
}

// check makes the adapter's cheapest call.
func check(t *testing.T, adapter vendors.Adapter) error {
	t.Helper()
	return adapter.Check(t.Context())
}

func (l LogIn) once(t *testing.T) {
	adapter, stand := l.serve(t, l.Password)
	hundred := func() {
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if err := check(t, adapter); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	hundred()
	if n := stand.State(l.Name).Calls[l.Call]; n != 1 {
		t.Errorf("got %d log-ins, want 1", n)
	}
	if err := stand.Box.Next(l.Name, sandbox.Fault{Kind: sandbox.ExpiredToken}); err != nil {
		t.Fatal(err)
	}
	hundred()
	if n := stand.State(l.Name).Calls[l.Call]; n != 2 {
		t.Errorf("got %d log-ins after the tokens ended, want 2", n)
	}
}

func (l LogIn) repeats(t *testing.T) {
	adapter, stand := l.serve(t, l.Password)
	if err := check(t, adapter); err != nil {
		t.Fatal(err)
	}
	if err := stand.Box.Next(l.Name, sandbox.Fault{Kind: sandbox.ExpiredToken, On: l.Create}); err != nil {
		t.Fatal(err)
	}
	if _, err := portOf[vendors.Provisioner](adapter).Create(t.Context(), origin, person); err != nil {
		t.Error(err)
	}
	if n := stand.State(l.Name).Calls[l.Create]; n != 2 {
		t.Errorf("got %d calls, want 2", n)
	}
}

// direct passes requests to a handler without a network, so a test can move the clock.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

func (l LogIn) renews(t *testing.T, r Renewal) {
	box, err := sandbox.New(sandbox.Config{}.With(l.Name))
	if err != nil {
		t.Fatal(err)
	}
	url := box.BaseURLs("vendor.example.org")[l.Name]
	adapter := l.adapter(t, vendors.Settings{BaseURL: url, HTTP: direct{box.Handler()}}, l.Password)
	for range 2 {
		if err := check(t, adapter); err != nil {
			t.Fatal(err)
		}
		<-time.After(r.Wait)
	}
	for call, want := range r.Calls {
		if got := box.State().Vendors[l.Name].Calls[call]; got != want {
			t.Errorf("got %d × %s, want %d", got, call, want)
		}
	}
}

func (l LogIn) wrongPassword(t *testing.T) {
	adapter, stand := l.serve(t, sandbox.WrongCredential)
	err := check(t, adapter)
	if vendors.ClassOf(err) != vendors.Unusable || strings.Contains(fmt.Sprint(err), "look-up") {
		t.Errorf("got %v (%v), want an unusable log-in", err, vendors.ClassOf(err))
	}
	if n := stand.State(l.Name).Calls[l.Call]; n != 1 {
		t.Errorf("got %d log-ins, want 1: a wrong password may lock the account", n)
	}
}

// secrets makes the vendor repeat the token and the password in an error.
func (l LogIn) secrets(t *testing.T) {
	const token = "4|a-token-of-the-vendor"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(l.Call, r.URL.Path) {
			_, _ = fmt.Fprintf(w, l.Answer, token)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(map[string]string{
			"message": r.Header.Get("Authorization") + r.Header.Get("X-Access-Token") + " is not " + l.Password,
		})
	}))
	t.Cleanup(server.Close)
	err := check(t, l.adapter(t, vendors.Settings{BaseURL: server.URL}, l.Password))
	if !strings.Contains(fmt.Sprint(err), " is not ") {
		t.Errorf("got %v, want the vendor's own words in it", err)
	}
	for _, secret := range []string{token, l.Password} {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("got %v, want an error without the secret", err)
		}
	}
}
