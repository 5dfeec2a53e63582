package lead_test

import (
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
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	a := adapter(t, configOf(stand))
	check := func() {
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if err := a.Check(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	check()
	if n := stand.State("lead").Calls["POST /login"]; n != 1 {
		t.Errorf("got %d log-ins, want 1", n)
	}
	if err := stand.Box.Next("lead", sandbox.Fault{Kind: sandbox.ExpiredToken}); err != nil {
		t.Fatal(err)
	}
	check()
	if n := stand.State("lead").Calls["POST /login"]; n != 2 {
		t.Errorf("got %d log-ins after the tokens ended, want 2", n)
	}
}

func TestWriteIsMadeOnceMoreOn401(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	a := adapter(t, configOf(stand))
	if err := a.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := stand.Box.Next("lead", sandbox.Fault{Kind: sandbox.ExpiredToken, On: "POST /users"}); err != nil {
		t.Fatal(err)
	}
	create(t, a, ada)
	if n := stand.State("lead").Calls["POST /users"]; n != 2 {
		t.Errorf("got %d calls, want 2", n)
	}
}

func TestTokenIsRenewed(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]int{39 * time.Hour: 1, 41 * time.Hour: 2, 60 * time.Hour: 2} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				box, err := sandbox.New(sandbox.Config{})
				if err != nil {
					t.Fatal(err)
				}
				c := config("http://lead.example.org/lead/api")
				c.HTTP = direct{box.Handler()}
				a := adapter(t, c)
				for range 2 {
					if err := a.Check(t.Context()); err != nil {
						t.Fatal(err)
					}
					<-time.After(after)
				}
				if got := box.State().Vendors["lead"].Calls["POST /login"]; got != want {
					t.Errorf("got %d log-ins, want %d", got, want)
				}
			})
		})
	}
}

func TestWrongPasswordIsTriedOnce(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "lead", sandbox.Config{})
	c := configOf(stand)
	c.Password = sandbox.WrongCredential
	err := adapter(t, c).Check(t.Context())
	if vendors.ClassOf(err) != vendors.Unusable || strings.Contains(fmt.Sprint(err), "look-up") {
		t.Errorf("got %v (%v), want an unusable log-in", err, vendors.ClassOf(err))
	}
	if n := stand.State("lead").Calls["POST /login"]; n != 1 {
		t.Errorf("got %d log-ins, want 1: a wrong password may lock the account", n)
	}
}

func TestErrorsHoldNoToken(t *testing.T) {
	t.Parallel()
	url := talking(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, `{"message":"%s is not %s"}`, r.Header.Get("Authorization"), sandbox.LeadPassword)
	})
	err := adapter(t, config(url)).Check(t.Context())
	for _, secret := range []string{"4|abcdef", sandbox.LeadPassword} {
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("got %v, want an error without the secret", err)
		}
	}
}
