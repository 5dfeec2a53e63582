package meiro_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/meiro"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

func TestLogIn(t *testing.T) {
	t.Parallel()
	calls := func(logins, renewals int) map[string]int {
		return map[string]int{"POST /users/login": logins, "PATCH /users/login": renewals}
	}
	vendortest.LogIn{
		Name: "meiro",
		New: func(s vendors.Settings, password string) (vendors.Adapter, error) {
			c := config(s.BaseURL)
			c.HTTP, c.Password = s.HTTP, vendors.Secret(password)
			return meiro.New(c)
		},
		Password: sandbox.MeiroPassword,
		Call:     "POST /users/login",
		Create:   "POST /users/create_or_restore",
		Answer:   `{"token":%q}`,
		Renewals: map[string]vendortest.Renewal{
			"in use":     {Wait: 6 * time.Hour, Calls: calls(1, 0)},
			"old":        {Wait: 7*time.Hour + time.Minute, Calls: calls(1, 1)},
			"ended":      {Wait: 11 * time.Hour, Calls: calls(1, 1)},
			"long ended": {Wait: 13 * time.Hour, Calls: calls(2, 1)},
		},
	}.Run(t)
}

func TestWrongStaticToken(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "meiro", sandbox.Config{})
	c := configOf(stand)
	c.Email = ""
	c.Password = ""
	c.AccessToken = "ended-long-ago"
	err := operators(t, c).Check(t.Context())
	if vendors.ClassOf(err) != vendors.Unusable {
		t.Errorf("got %v (%v), want unusable", err, vendors.ClassOf(err))
	}
	if n := stand.State("meiro").Calls["POST /users/login"]; n != 0 {
		t.Errorf("got %d log-ins, want none", n)
	}
}

func TestStaticToken(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "meiro", sandbox.Config{})
	c := configOf(stand)
	c.Email = ""
	c.Password = ""
	c.AccessToken = sandbox.MeiroAccessToken
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
