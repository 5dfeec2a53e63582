// Package meiro is a client of Meiro: of the operator accounts of the back office (Meiro Events
// API, https://docs.meiro.dev/docs/api/meiro-me-api/users), and of the collect endpoint of
// Meiro Pipes, for events about customers.
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

// The values of Config.Mode.
const (
	ModeOperators = "operators" // our users are operators of Meiro's back office
	ModeCustomers = "customers" // our users are customers, known to Meiro by events
)

// Config configures a client of Meiro. Mode operators needs BaseURL, and either Email and
// Password or AccessToken. Mode customers needs CollectURL.
type Config struct {
	vendors.Settings `yaml:",inline"` // the base URL is https://api.<instance>.meiro.io; there is no default
	Email            string           `yaml:"email" env:"EMAIL"`               // of Usher's operator
	Password         vendors.Secret   `yaml:"password" env:"PASSWORD"`         // of Usher's operator
	AccessToken      vendors.Secret   `yaml:"access_token" env:"ACCESS_TOKEN"` // instead of Email and Password; expires after 8 hours and is never renewed
	Mode             string           `yaml:"mode" env:"MODE"`                 // default operators
	CollectURL       string           `yaml:"collect_url" env:"COLLECT_URL"`   // URL of a Pipes source: https://<tenant>.<region>.pipes.meiro.io/collect/<slug>
}

// Defaults returns a Config without credentials, in mode operators. Meiro documents no rate
// limit; 10 calls per second is a careful choice.
func Defaults() Config {
	return Config{Settings: vendors.DefaultSettings("", 10), Mode: ModeOperators}
}

// CanDisable reports whether the mode manages operators: Meiro has a trash of operators.
func (c Config) CanDisable() bool { return c.mode() != ModeCustomers }

// Keys returns the keys of look-ups: none for customers, with ids of ours.
func (c Config) Keys() []string {
	if c.mode() == ModeCustomers {
		return nil
	}
	return c.Settings.Keys()
}

// Needs returns the settings that turn Meiro on, by mode and kind of log-in.
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

// Faults returns the faults of an unknown mode, and of two ways to log in.
func (c Config) Faults() []vendors.Fault {
	faults := vendors.OneOf("mode", c.Mode, ModeOperators, ModeCustomers)
	if c.Mode == ModeOperators && c.AccessToken != "" && (c.Email != "" || c.Password != "") {
		faults = append(faults, vendors.Fault{
			Name:    "access_token",
			Problem: "is set together with the log-in by e-mail, which would be ignored",
			Fix:     "keep the access token, or the e-mail and the password",
		})
	}
	return faults
}

// mode returns the mode, operators by default.
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

// API has one method per documented call of Meiro. An API is safe for concurrent use.
type API struct {
	users   *vendors.Client
	login   *vendors.Client // without credentials, and with half the timeout, because a log-in happens within another call
	collect *vendors.Client // for the collect URL, without credentials
}

// tokenUse is how long a token is used before a renewal. Tokens live for 8 h.
const tokenUse = 7 * time.Hour

// NewAPI returns a client that logs in at the first call, whatever the mode.
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

// renew returns a function for vendors.NewTokens: refresh the old token if Meiro accepts that,
// or else log in.
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
