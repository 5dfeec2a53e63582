package vendors

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"
)

const (
	tokenMargin  = 30 * time.Second // a token is renewed so long before the end
	tokenDefault = 10 * time.Minute // time of use of a token without a lifetime
)

// TokenUse returns the time of use of a token with a lifetime; 10 min for an unknown lifetime.
func TokenUse(life time.Duration) time.Duration {
	if life <= 0 {
		return tokenDefault
	}
	return max(life-tokenMargin, life/2)
}

// ClientCredentials is a client of OAuth 2 that requests tokens by the grant client_credentials
// (RFC 6749, section 4.4).
type ClientCredentials struct {
	Vendor    string // for errors
	TokenURL  string
	ID        string
	Secret    Secret
	Scopes    string // separated by blanks; may be empty
	InBody    bool   // whether the client is sent in the form instead of the header
	UserAgent string // default usher
}

// Auth returns the credentials. The options are those of the API.
func (c ClientCredentials) Auth(o Options) Auth {
	o.BaseURL = c.TokenURL
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout) / 2 // a request for a token happens within another call
	calls := NewClient(c.Vendor, o, nil, c.Secret)
	return NewTokens("Authorization", "Bearer ", func(ctx context.Context, _ Secret) (Secret, time.Duration, error) { return c.renew(ctx, calls) })
}

// tokenAnswer is the response to a request for a token (RFC 6749, section 5.1).
type tokenAnswer struct {
	Token     Secret `json:"access_token"`
	ExpiresIn Int    `json:"expires_in"` // seconds; 0 if unknown
}

// renew returns a new token and the time of use. A repeated request only issues another token.
func (c ClientCredentials) renew(ctx context.Context, calls *Client) (Secret, time.Duration, error) {
	const op = "request token"
	form := url.Values{"grant_type": {"client_credentials"}}
	header := http.Header{"User-Agent": {cmp.Or(c.UserAgent, "usher")}}
	if c.Scopes != "" {
		form.Set("scope", c.Scopes)
	}
	if c.InBody {
		form.Set("client_id", c.ID)
		form.Set("client_secret", c.Secret.Reveal())
	} else {
		pair := url.QueryEscape(c.ID) + ":" + url.QueryEscape(c.Secret.Reveal())
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	var out tokenAnswer
	err := calls.Do(ctx, Call{Op: op, Method: http.MethodPost, Header: header, Form: form, Repeatable: true, NoAuth: true, Out: &out})
	if err == nil && out.Token == "" {
		err = &Error{Vendor: c.Vendor, Op: op, Status: http.StatusOK, Unreadable: true, Message: "the response has no access_token"}
	}
	return out.Token, TokenUse(time.Duration(out.ExpiresIn) * time.Second), LogInRefused(err)
}
