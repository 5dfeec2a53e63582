package scim

import (
	"slices"

	"github.com/usherhq/usher/vendors"
)

const vendor = "scim"

// The values of Config.Update.
const (
	UpdateAuto  = "auto"
	UpdatePatch = "patch"
	UpdatePut   = "put"
)

// The values of Config.Pages.
const (
	PagesIndex  = "index"
	PagesCursor = "cursor"
)

// The values of Config.Membership.
const (
	MembershipGroup  = "group"
	MembershipUser   = "user"
	MembershipFilter = "filter"
	MembershipNone   = "none"
)

// The values of Config.ClientAuth.
const (
	ClientAuthBasic = "basic"
	ClientAuthBody  = "body"
)

// MediaType is the media type of SCIM (RFC 7644, section 3.1).
const MediaType = "application/scim+json"

// Config configures a client of a SCIM server. The base URL is required, and a token or a client
// of OAuth 2.
type Config struct {
	vendors.Settings `yaml:",inline"` // the base URL is the URL before /Users; there is no default
	Token            vendors.Secret   `yaml:"token" env:"TOKEN"`                 // bearer token, never renewed
	TokenURL         string           `yaml:"token_url" env:"TOKEN_URL"`         // instead of Token: token endpoint of OAuth 2
	ClientID         string           `yaml:"client_id" env:"CLIENT_ID"`         // of OAuth 2, grant client_credentials
	ClientSecret     vendors.Secret   `yaml:"client_secret" env:"CLIENT_SECRET"` // of OAuth 2
	ClientAuth       string           `yaml:"client_auth" env:"CLIENT_AUTH"`     // default basic
	Scopes           string           `yaml:"scopes" env:"SCOPES"`               // of OAuth 2, separated by blanks
	Update           string           `yaml:"update" env:"UPDATE"`               // method of changes of users; default auto
	ExternalID       bool             `yaml:"external_id" env:"EXTERNAL_ID"`     // whether our user id is sent and looked up as externalId; default true
	Membership       string           `yaml:"membership" env:"MEMBERSHIP"`       // how the members of a group are read; default group
	Pages            string           `yaml:"pages" env:"PAGES"`                 // default index
	PageSize         int              `yaml:"page_size" env:"PAGE_SIZE"`         // default 100
	MediaType        string           `yaml:"media_type" env:"MEDIA_TYPE"`       // default MediaType
	UserAgent        string           `yaml:"user_agent" env:"USER_AGENT"`       // default usher
	Staff            string           `yaml:"staff" env:"STAFF"`                 // userTypes and roles of accounts that are never changed, separated by commas
}

// Defaults returns a Config without credentials. 5 calls per second is a careful choice: servers
// have limits from 3 calls per second on.
func Defaults() Config {
	return Config{
		Settings: vendors.DefaultSettings("", 5), ClientAuth: ClientAuthBasic, Update: UpdateAuto, ExternalID: true,
		Membership: MembershipGroup, Pages: PagesIndex, PageSize: 100, MediaType: MediaType, UserAgent: "usher",
	}
}

// CanDisable returns true: an account has the attribute active.
func (Config) CanDisable() bool { return true }

// Keys returns the keys of look-ups: the externalId, unless turned off, and the userName.
func (c Config) Keys() []string {
	if !c.ExternalID {
		return []string{vendors.KeyEmail}
	}
	return []string{vendors.KeyID, vendors.KeyEmail}
}

// DisablesByDefault returns true: some servers lose a deleted account for good, and some never
// accept the userName again.
func (Config) DisablesByDefault() bool { return true }

// Needs returns the settings that turn SCIM on, by kind of credentials.
func (c Config) Needs() vendors.Needs {
	if c.oauth() {
		return vendors.Needs{Credentials: []string{"client_id", "client_secret"}, More: []string{"base_url", "token_url"}}
	}
	return vendors.Needs{
		Credentials: []string{"token"}, More: []string{"base_url"},
		Or: "client_id, client_secret and token_url of OAuth 2 instead of the token",
	}
}

// oauth reports whether a setting of OAuth 2 is set.
func (c Config) oauth() bool { return c.ClientID != "" || c.ClientSecret != "" || c.TokenURL != "" }

// Faults returns the faults of unknown words, of an impossible page size, and of two kinds of
// credentials.
func (c Config) Faults() []vendors.Fault {
	faults := slices.Concat(
		vendors.OneOf("update", c.Update, UpdateAuto, UpdatePatch, UpdatePut),
		vendors.OneOf("membership", c.Membership, MembershipGroup, MembershipUser, MembershipFilter, MembershipNone),
		vendors.OneOf("pages", c.Pages, PagesIndex, PagesCursor),
		vendors.OneOf("client_auth", c.ClientAuth, ClientAuthBasic, ClientAuthBody),
		vendors.Require("media_type", c.MediaType), vendors.Require("user_agent", c.UserAgent),
	)
	if c.PageSize < 1 || c.PageSize > 1000 {
		faults = append(faults, vendors.Fault{Name: "page_size", Problem: "is not from 1 to 1000", Fix: "want the largest page of the server, such as 100"})
	}
	if c.TokenURL != "" {
		faults = append(faults, vendors.RequireURL("token_url", c.TokenURL)...)
	}
	if c.Token != "" && c.oauth() {
		faults = append(faults, vendors.Fault{
			Name: "token", Problem: "is set together with a client of OAuth 2, which would be ignored", Fix: "keep the token, or client_id, client_secret and token_url",
		})
	}
	return faults
}

// Validate returns all faults of c, joined, or nil.
func (c Config) Validate() error {
	faults := append(c.Faults(), vendors.RequireURL("base_url", c.BaseURL)...)
	if c.oauth() {
		return vendors.InvalidConfig(vendor, slices.Concat(
			faults, vendors.Require("token_url", c.TokenURL), vendors.Require("client_id", c.ClientID), vendors.Require("client_secret", c.ClientSecret.Reveal()),
		))
	}
	return vendors.InvalidConfig(vendor, append(faults, vendors.Require("token", c.Token.Reveal())...))
}
