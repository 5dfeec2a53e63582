package usermost_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/usermost"
	"github.com/usherhq/usher/vendors/vendortest"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

func config(url string) usermost.Config {
	return usermost.Config{
		Settings:    vendors.Settings{BaseURL: url, Timeout: time.Minute},
		LicenseCode: sandbox.UsermostLicenseCode, APIKey: sandbox.UsermostAPIKey,
	}
}

// at is a configuration for the stand-in.
func configOf(stand vendortest.Server) usermost.Config {
	c := config(stand.URL)
	c.HTTP = stand.HTTP
	return c
}

var at = time.Date(2026, 3, 1, 9, 0, 0, 0, time.FixedZone("", 3600))

func TestEveryCallKeepsToTheDocument(t *testing.T) {
	t.Parallel()
	stand := vendortest.Serve(t, "usermost", sandbox.Config{})
	api := usermost.NewAPI(configOf(stand))
	full := usermost.User{
		UserID: "u-1", FirstName: "Ada", LastName: "Example", Email: "ada+1@example.org", Phone: "+15550100",
		Attributes: []byte(`{"plan":"gold"}`),
	}
	for name, u := range map[string]usermost.User{"full": full, "bare": {UserID: "u-2"}} {
		got, err := api.UpsertUser(t.Context(), u, "")
		if err != nil || got.Status != "success" {
			t.Errorf("%s user: got %+v, %v, want success", name, got, err)
		}
	}
	for name, e := range map[string]usermost.Event{
		"full": {UserID: "u-1", Name: "lesson_completed", At: at, Data: []byte(`{"n":1}`)},
		"bare": {UserID: "u-1", Name: "opened"},
	} {
		got, err := api.TrackEvent(t.Context(), e, "")
		if err != nil || got.Status != "success" {
			t.Errorf("%s event: got %+v, %v, want success", name, got, err)
		}
	}
	if got := stand.Contract.Untried(); len(got) != 0 {
		t.Errorf("calls that no test made: %v", got)
	}
}

func TestStandInRefusesAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*usermost.Config)
		user   usermost.User
		status int
		class  vendors.Class
	}{
		"bad key":     {func(c *usermost.Config) { c.APIKey = sandbox.WrongCredential }, usermost.User{UserID: "u"}, 401, vendors.Unusable},
		"bad license": {func(c *usermost.Config) { c.LicenseCode = sandbox.WrongCredential }, usermost.User{UserID: "u"}, 404, vendors.Unusable},
		"no user id":  {func(*usermost.Config) {}, usermost.User{}, 400, vendors.Permanent},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := configOf(vendortest.Serve(t, "usermost", sandbox.Config{}))
			test.change(&c)
			_, err := usermost.NewAPI(c).UpsertUser(t.Context(), test.user, "")
			if vendors.StatusOf(err) != test.status || vendors.ClassOf(err) != test.class {
				t.Errorf("got %v (%v), want status %d, %v", err, vendors.ClassOf(err), test.status, test.class)
			}
		})
	}
}

func TestContainerDecides(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		ok     bool
		class  vendors.Class // of the error
	}{
		"success":    {200, `{"response":{"data":{},"message":"success","status":"success"}}`, true, 0},
		"queued":     {201, `{"response":{"status":"queued"}}`, true, 0},
		"a list":     {200, `{"response":{"data":[],"message":"success","status":"success"}}`, true, 0},
		"a text":     {200, `{"response":{"data":"done","message":"success","status":"success"}}`, true, 0},
		"error":      {200, `{"response":{"message":"no ada@example.org","status":"error"}}`, false, vendors.Permanent},
		"something":  {202, `{"response":{"status":"rejected"}}`, false, vendors.Permanent},
		"nothing":    {204, ``, true, 0},
		"no body":    {200, "\n", true, 0},
		"absent":     {200, `{}`, false, vendors.Again},
		"unwrapped":  {200, `{"error":"no ada@example.org"}`, false, vendors.Again},
		"null":       {200, `{"response":null}`, false, vendors.Again},
		"no status":  {200, `{"response":{"data":{}}}`, false, vendors.Again},
		"not a wrap": {200, `{"response":"success"}`, false, vendors.Again},
	}
	for name, test := range tests {
		vendortest.Try(t, name, func(t *testing.T) {
			c := config("http://usermost.test")
			c.HTTP = memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = fmt.Fprint(w, test.body)
			}))
			_, err := usermost.NewAPI(c).TrackEvent(t.Context(), usermost.Event{UserID: "u", Name: "n"}, "ab")
			if (err == nil) != test.ok {
				t.Errorf("got %v, want success to be %v", err, test.ok)
			}
			if err != nil && (vendors.ClassOf(err) != test.class || strings.Contains(err.Error(), "ada@")) {
				t.Errorf("got %v (%v), want class %v, without the address", err, vendors.ClassOf(err), test.class)
			}
		})
	}
}
