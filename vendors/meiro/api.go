// Package meiro speaks to Meiro: the operator accounts of its back office (the
// Meiro Events API, https://docs.meiro.dev/docs/api/meiro-me-api/users) and the
// collect endpoint of Meiro Pipes, where facts about customers arrive as events.
package meiro

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/usherhq/usher/vendors"
)

const vendor = "meiro"

// The modes that Config.Mode knows.
const (
	ModeOperators = "operators" // users are log-ins to Meiro's back office
	ModeCustomers = "customers" // users are customers, told of by events
)

// Config is what a client of Meiro is made from. Mode operators needs BaseURL
// and either Email and Password or AccessToken; mode customers needs CollectURL.
type Config struct {
	vendors.Settings `yaml:",inline"` // the base URL is the host: https://api.<instance>.meiro.io; there is no default
	Email            string           `yaml:"email" env:"EMAIL"`               // of the operator that Usher logs in as
	Password         vendors.Secret   `yaml:"password" env:"PASSWORD"`         // of that operator
	AccessToken      vendors.Secret   `yaml:"access_token" env:"ACCESS_TOKEN"` // a token of your own, which ends after 8 hours and is never renewed; it goes before Email and Password
	Mode             string           `yaml:"mode" env:"MODE"`                 // operators where it is empty
	CollectURL       string           `yaml:"collect_url" env:"COLLECT_URL"`   // the whole address of a Pipes source, which takes activity: https://<tenant>.<region>.pipes.meiro.io/collect/<slug>; default none
}

// Defaults returns a Config without credentials, in mode operators. Meiro states
// no limit on calls; 10 a second is careful.
func Defaults() Config {
	return Config{Settings: vendors.DefaultSettings("", 10), Mode: ModeOperators}
}

// Needs says what turns Meiro on: it depends on the mode, and on the way to log in.
func (c Config) Needs() vendors.Needs {
	switch {
	case c.mode() == ModeCustomers:
		return vendors.Needs{Credentials: []string{"collect_url"}}
	case c.AccessToken != "":
		return vendors.Needs{Credentials: []string{"access_token"}, More: []string{"base_url"}}
	default:
		return vendors.Needs{
			Credentials: []string{"email", "password"},
			More:        []string{"base_url"},
			Or:          "USHER_MEIRO_ACCESS_TOKEN instead of e-mail and password, or USHER_MEIRO_MODE=customers with USHER_MEIRO_COLLECT_URL",
		}
	}
}

// Faults refuses a mode that there is not, and two ways to log in at once.
func (c Config) Faults() []vendors.Fault {
	faults := vendors.OneOf("mode", c.Mode, ModeOperators, ModeCustomers)
	if c.Mode == ModeOperators && c.AccessToken != "" && (c.Email != "" || c.Password != "") {
		faults = append(faults, vendors.Fault{
			Name:    "access_token",
			Problem: "is set, and so is the log-in by e-mail: one of them would be ignored",
			Fix:     "keep the access token, or the e-mail and the password",
		})
	}
	return faults
}

func (c Config) mode() string { return cmp.Or(c.Mode, ModeOperators) }

// Validate returns all faults of c, joined, or nil. An empty mode is ModeOperators.
func (c Config) Validate() error {
	c.Mode = c.mode()
	faults := c.Faults()
	switch {
	case c.Mode == ModeCustomers:
		faults = append(faults, vendors.RequireURL("collect_url", c.CollectURL)...)
	case c.Mode == ModeOperators && c.AccessToken != "":
		faults = append(faults, vendors.RequireURL("base_url", c.BaseURL)...)
	case c.Mode == ModeOperators:
		faults = slices.Concat(
			faults,
			vendors.RequireURL("base_url", c.BaseURL),
			vendors.Require("email", c.Email),
			vendors.Require("password", c.Password.Reveal()),
		)
	}
	return vendors.InvalidConfig(vendor, faults)
}

// API makes the documented calls of Meiro, one method each. It is safe for use
// by many goroutines.
type API struct {
	users   *vendors.Client
	login   *vendors.Client // without credentials, and with a time limit that fits within that of the call that needs the log-in
	collect *vendors.Client // at the collect URL, which takes no credentials
}

// tokenUse is how long a token is used before it is renewed. Meiro's tokens live 8 h.
const tokenUse = 7 * time.Hour

// NewAPI returns a client for the calls alone. It does not look at c.Mode, and
// logs in when the first call needs it.
func NewAPI(c Config) *API {
	login := c.Options()
	login.Timeout = cmp.Or(c.Timeout, 10*time.Second) / 2
	collect := c.Options()
	collect.BaseURL = c.CollectURL
	a := &API{
		login:   vendors.NewClient(vendor, login, nil, c.Password, c.AccessToken),
		collect: vendors.NewClient(vendor, collect, nil),
	}
	a.collect.ClassifyResponse(classifyCollect)
	var auth vendors.Auth = vendors.StaticAuth{tokenHeader: c.AccessToken}
	if c.AccessToken == "" {
		auth = vendors.NewTokens(tokenHeader, "", a.renew(c.Email, c.Password))
	}
	a.users = vendors.NewClient(vendor, c.Options(), auth, c.Password, c.AccessToken)
	return a
}

// renew returns how to come by a token: by renewing the old one while Meiro
// allows it, else by a log-in.
func (a *API) renew(email string, password vendors.Secret) func(context.Context, vendors.Secret) (vendors.Secret, time.Duration, error) {
	return func(ctx context.Context, old vendors.Secret) (vendors.Secret, time.Duration, error) {
		if old != "" {
			token, err := a.RefreshToken(ctx, old)
			if err == nil || vendors.ClassOf(err) == vendors.Again {
				return token, tokenUse, err
			}
		}
		token, err := a.LogIn(ctx, email, password)
		return token, tokenUse, vendors.LogInRefused(err)
	}
}

func userPath(id string) string { return "/users/" + url.PathEscape(id) }
