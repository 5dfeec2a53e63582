package scim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/scim"
	"github.com/usherhq/usher/vendors/vendortest"
)

// config returns a configuration for the stand-in.
func config(s vendors.Settings) scim.Config {
	c := scim.Defaults()
	c.Settings, c.Token, c.Staff = s, sandbox.SCIMToken, sandbox.SCIMStaff
	return c
}

func TestSuite(t *testing.T) {
	for name, change := range map[string]func(*scim.Config){
		"as set by default": func(*scim.Config) {},
		"put, without externalId, members by filter": func(c *scim.Config) {
			c.Update, c.Membership, c.ExternalID = scim.UpdatePut, scim.MembershipFilter, false
		},
	} {
		t.Run(name, func(t *testing.T) { vendortest.Run(t, suite(change)) })
	}
}

// suite returns the suite with a change of the configuration.
func suite(change func(*scim.Config)) vendortest.Suite {
	unusable := vendors.Unusable
	return vendortest.Suite{
		Name: "scim",
		New: func(s vendors.Settings) (vendors.Adapter, error) {
			c := config(s)
			change(&c)
			return scim.New(c)
		},
		Secrets:    []string{sandbox.SCIMToken},
		Course:     "7",
		Repeatable: []string{vendortest.Delete, vendortest.Enroll},
		Verdict: func(_ string, status int) (*vendors.Class, bool) { // a list that is not there is a wrong base URL
			return &unusable, status == http.StatusNotFound
		},
	}
}

func TestStorm(t *testing.T) {
	vendortest.Storm(t, "scim", func(s vendors.Settings) (vendors.Adapter, error) { return scim.New(config(s)) })
}

func TestLogIn(t *testing.T) {
	t.Parallel()
	requests := func(n int) map[string]int { return map[string]int{"POST /token": n} }
	vendortest.LogIn{
		Name: "scim",
		New: func(s vendors.Settings, password string) (vendors.Adapter, error) {
			c := config(s)
			c.Token, c.TokenURL, c.ClientID, c.ClientSecret = "", s.BaseURL+sandbox.SCIMTokenPath, sandbox.SCIMClientID, vendors.Secret(password)
			return scim.New(c)
		},
		Password: sandbox.SCIMClientSecret,
		Call:     "POST /token",
		Create:   "POST /Users",
		Answer:   `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`,
		Renewals: map[string]vendortest.Renewal{
			"in use": {Wait: 50 * time.Minute, Calls: requests(1)},
			"old":    {Wait: 59*time.Minute + 45*time.Second, Calls: requests(2)},
			"ended":  {Wait: 2 * time.Hour, Calls: requests(2)},
		},
	}.Run(t)
}
