package lead_test

import (
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/lead"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

func TestLogIn(t *testing.T) {
	t.Parallel()
	logins := func(n int) map[string]int { return map[string]int{"POST /login": n} }
	vendortest.LogIn{
		Name: "lead",
		New: func(s vendors.Settings, password string) (vendors.Adapter, error) {
			c := config(s.BaseURL)
			c.HTTP, c.Password = s.HTTP, vendors.Secret(password)
			return lead.New(c)
		},
		Password: sandbox.LeadPassword,
		Call:     "POST /login",
		Create:   "POST /users",
		Answer:   `{"access_token":%q,"token_type":"Bearer"}`,
		Renewals: map[string]vendortest.Renewal{
			"in use":     {Wait: 39 * time.Hour, Calls: logins(1)},
			"old":        {Wait: 41 * time.Hour, Calls: logins(2)},
			"long ended": {Wait: 60 * time.Hour, Calls: logins(2)},
		},
	}.Run(t)
}
