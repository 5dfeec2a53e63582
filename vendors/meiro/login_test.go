package meiro_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/meiro"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

// direct hands requests to a handler without a network, so that a test can
// move the clock.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

func TestOneLogInForAHundred(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "meiro", sandbox.Config{})
	o := operators(t, configOf(stand))
	check := func() {
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if err := o.Check(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	check()
	if n := stand.State("meiro").Calls["POST /users/login"]; n != 1 {
		t.Errorf("got %d log-ins, want 1", n)
	}
	if err := stand.Box.Next("meiro", sandbox.Fault{Kind: sandbox.ExpiredToken}); err != nil {
		t.Fatal(err)
	}
	check()
	if n := stand.State("meiro").Calls["POST /users/login"]; n != 2 {
		t.Errorf("got %d log-ins after the tokens ended, want 2", n)
	}
}

func TestWriteIsMadeOnceMoreOn401(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "meiro", sandbox.Config{})
	o := operators(t, configOf(stand))
	if err := o.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := stand.Box.Next("meiro", sandbox.Fault{Kind: sandbox.ExpiredToken, On: "POST /users/create_or_restore"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Create(t.Context(), origin, ada); err != nil {
		t.Error(err)
	}
	if n := stand.State("meiro").Calls["POST /users/create_or_restore"]; n != 2 {
		t.Errorf("got %d calls, want 2", n)
	}
}

func TestTokenIsRenewed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		after time.Duration
		calls map[string]int
	}{
		"in use":     {6 * time.Hour, map[string]int{"POST /users/login": 1, "PATCH /users/login": 0}},
		"old":        {7*time.Hour + time.Minute, map[string]int{"POST /users/login": 1, "PATCH /users/login": 1}},
		"ended":      {11 * time.Hour, map[string]int{"POST /users/login": 1, "PATCH /users/login": 1}},
		"long ended": {13 * time.Hour, map[string]int{"POST /users/login": 2, "PATCH /users/login": 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				box, err := sandbox.New(sandbox.Config{})
				if err != nil {
					t.Fatal(err)
				}
				c := config("http://meiro.example.org/meiro")
				c.HTTP = direct{box.Handler()}
				o := operators(t, c)
				for range 2 {
					if err := o.Check(t.Context()); err != nil {
						t.Fatal(err)
					}
					<-time.After(test.after)
				}
				for call, want := range test.calls {
					if got := box.State().Vendors["meiro"].Calls[call]; got != want {
						t.Errorf("got %d × %s, want %d", got, call, want)
					}
				}
			})
		})
	}
}

func TestBadCredentials(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*meiro.Config)
		logins int
	}{
		"password": {func(c *meiro.Config) { c.Password = sandbox.WrongCredential }, 1},
		"token":    {func(c *meiro.Config) { c.AccessToken = "ended-long-ago" }, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand := vendortest.Serve(t, "meiro", sandbox.Config{})
			c := configOf(stand)
			test.change(&c)
			err := operators(t, c).Check(t.Context())
			if vendors.ClassOf(err) != vendors.Unusable {
				t.Errorf("got %v (%v), want unusable", err, vendors.ClassOf(err))
			}
			if n := stand.State("meiro").Calls["POST /users/login"]; n != test.logins {
				t.Errorf("got %d log-ins, want %d: a wrong password may lock the account", n, test.logins)
			}
		})
	}
}

func TestStaticToken(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "meiro", sandbox.Config{})
	c := configOf(stand)
	c.Email, c.Password, c.AccessToken = "", "", sandbox.MeiroAccessToken
	if err := operators(t, c).Check(t.Context()); err != nil {
		t.Error(err)
	}
	if n := stand.State("meiro").Calls["POST /users/login"]; n != 0 {
		t.Errorf("got %d log-ins, want none", n)
	}
}

func TestWrongBaseURLIsNoFaultOfTheEvent(t *testing.T) {
	t.Parallel()
	_, url := meddled(t, func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusNotFound); return true })
	for name, c := range map[string]meiro.Config{
		"log-in": config(url),
		"list":   {Settings: vendors.Settings{BaseURL: url}, AccessToken: "t"},
	} {
		if _, err := operators(t, c).Find(t.Context(), ada); vendors.ClassOf(err) != vendors.Unusable || errors.Is(err, vendors.ErrNotFound) {
			t.Errorf("%s: got %v, want unusable", name, err)
		}
	}
}

func TestErrorsHoldNoToken(t *testing.T) {
	t.Parallel()
	const token = "a-token-of-the-vendor"
	_, url := meddled(t, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/login") {
			_, _ = fmt.Fprintf(w, `{"token":%q}`, token)
			return true
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"message":"%s is not %s"}`, r.Header.Get("X-Access-Token"), sandbox.MeiroPassword)
		return true
	})
	err := operators(t, config(url)).Check(t.Context())
	for _, secret := range []string{token, sandbox.MeiroPassword} {
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("got %v, want an error without the secret", err)
		}
	}
}
