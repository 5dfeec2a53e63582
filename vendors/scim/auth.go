package scim

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"

	"github.com/usherhq/usher/vendors"
)

const (
	tokenMargin  = 30 * time.Second // a token is renewed so long before the end
	tokenDefault = 10 * time.Minute // time of use of a token without expires_in
)

// newAuth returns the credentials of c.
func newAuth(c Config) vendors.Auth {
	if !c.oauth() {
		return vendors.StaticAuth{"Authorization": "Bearer " + c.Token}
	}
	options := c.Options()
	options.BaseURL = c.TokenURL
	options.Timeout = cmp.Or(c.Timeout, 10*time.Second) / 2 // a request for a token happens within another call
	l := login{calls: vendors.NewClient(vendor, options, nil, c.ClientSecret), config: c}
	return vendors.NewTokens("Authorization", "Bearer ", l.renew)
}

// login requests tokens by client credentials (RFC 6749, section 4.4).
type login struct {
	calls  *vendors.Client
	config Config
}

// tokenAnswer is the response to a request for a token (RFC 6749, section 5.1).
type tokenAnswer struct {
	Token     vendors.Secret `json:"access_token"`
	ExpiresIn vendors.Int    `json:"expires_in"` // seconds; 0 if unknown
}

// renew returns a new token and the time of use. A repeated request only issues another token.
func (l login) renew(ctx context.Context, _ vendors.Secret) (vendors.Secret, time.Duration, error) {
	const op = "request token"
	form := url.Values{"grant_type": {"client_credentials"}}
	header := http.Header{"User-Agent": {l.config.UserAgent}}
	if l.config.Scopes != "" {
		form.Set("scope", l.config.Scopes)
	}
	if l.config.ClientAuth == ClientAuthBody {
		form.Set("client_id", l.config.ClientID)
		form.Set("client_secret", l.config.ClientSecret.Reveal())
	} else {
		pair := url.QueryEscape(l.config.ClientID) + ":" + url.QueryEscape(l.config.ClientSecret.Reveal())
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	var out tokenAnswer
	err := l.calls.Do(ctx, vendors.Call{Op: op, Method: http.MethodPost, Header: header, Form: form, Repeatable: true, NoAuth: true, Out: &out})
	if err == nil && out.Token == "" {
		err = &vendors.Error{Vendor: vendor, Op: op, Status: http.StatusOK, Unreadable: true, Message: "the response has no access_token"}
	}
	life := time.Duration(out.ExpiresIn) * time.Second
	if life <= 0 {
		return out.Token, tokenDefault, vendors.LogInRefused(err)
	}
	return out.Token, max(life-tokenMargin, life/2), vendors.LogInRefused(err)
}
