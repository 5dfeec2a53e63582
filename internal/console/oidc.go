package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/usherhq/usher/vendors"
)

// OIDC lets people log in at an OpenID Connect provider.
type OIDC struct {
	Issuer      string
	ClientID    string
	Secret      vendors.Secret // of the client; the keys of sessions are derived from the secret
	RedirectURL string         // of the console: https://…/console/oidc/callback
	Scopes      []string       // beside openid
	NameClaim   string         // of the name in the audit log
	Rules       []OIDCRule     // the first match counts; without a match there is no access
}

// OIDCRule gives rights to people with a value in a claim.
type OIDCRule struct {
	Claim    string // of the ID token or of the user info, such as groups
	Value    string
	Operator bool
	Rights   Rights // of an operator
}

const (
	oidcTimeout     = 10 * time.Second // of all requests to the provider for one log-in
	oidcSessionTime = 4 * time.Hour    // then the provider is asked again
	maxClaims       = 64 << 10         // bytes of an answer of the provider
	longestName     = 200              // bytes of the name of a person
)

// provider holds the client of the OpenID Connect provider. The provider is looked up at the first
// log-in, and again until it has answered.
type provider struct {
	config OIDC
	digest string // of the configuration: another configuration ends the sessions
	client *http.Client

	mu    sync.Mutex
	known *oidc.Provider
}

func newProvider(o OIDC) (*provider, error) {
	rules := o
	rules.RedirectURL = ""           // gives no rights
	text, err := json.Marshal(rules) //nolint:gosec // only the digest is used
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	client := &http.Client{
		Timeout: oidcTimeout, Transport: limitedBody{http.DefaultTransport},
		// A redirect would take the code and the secret of the client elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &provider{config: o, digest: hex.EncodeToString(sum[:8]), client: client}, nil
}

// limitedBody is a transport that bounds answers.
type limitedBody struct{ next http.RoundTripper }

func (l limitedBody) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.next.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxClaims)
	}
	return answer, err
}

// find returns the provider and the client at the provider.
func (p *provider) find(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		// The keys are read later with the context of the discovery.
		found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.config.Issuer)
		if err != nil {
			return nil, nil, fmt.Errorf("find the provider: %w", err)
		}
		p.known = found
	}
	return p.known, &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.Secret.Reveal(), Endpoint: p.known.Endpoint(),
		RedirectURL: p.config.RedirectURL, Scopes: append([]string{oidc.ScopeOpenID}, p.config.Scopes...),
	}, nil
}

// attempt is a log-in between the redirect to the provider and the callback, in a signed cookie.
type attempt struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"` // of PKCE
	Next     string `json:"x"` // the page after the log-in
	Expires  int64  `json:"e"`
}

func newAttempt(next string, now time.Time) attempt {
	return attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: next, Expires: now.Add(attemptTime).Unix()}
}

// identity is the outcome of a log-in at the provider.
type identity struct {
	Name string
	Rule OIDCRule
}

var (
	errNoRights  = errors.New("no rule of console.oidc.rules gives you access")
	errTakenName = errors.New("a person of the configuration has the name already")
)

// redeem exchanges a code for the identity of a person.
func (p *provider) redeem(ctx context.Context, code string, a attempt) (identity, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), oidcTimeout)
	defer cancel()
	found, client, err := p.find(ctx)
	if err != nil {
		return identity{}, err
	}
	tokens, err := client.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return identity{}, errors.New("the provider does not accept the code of the log-in")
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := found.Verifier(&oidc.Config{ClientID: p.config.ClientID}).Verify(ctx, raw)
	if err != nil {
		return identity{}, errors.New("the ID token is not valid")
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(a.Nonce)) != 1 {
		return identity{}, errors.New("the ID token belongs to another log-in")
	}
	if token.AccessTokenHash != "" && token.VerifyAccessToken(tokens.AccessToken) != nil {
		return identity{}, errors.New("the access token belongs to another ID token")
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return identity{}, errors.New("the claims of the ID token cannot be read")
	}
	if p.lacks(claims) && found.UserInfoEndpoint() != "" {
		if err := more(ctx, found, tokens, token.Subject, claims); err != nil {
			return identity{}, err
		}
	}
	dropUnverified(claims)
	return p.identify(token.Subject, claims)
}

// The claims of an e-mail.
const (
	claimEmail    = "email"
	claimVerified = "email_verified"
)

// dropUnverified removes an e-mail that the provider does not call verified: at many providers
// people set the e-mail themselves, to that of an operator too.
func dropUnverified(claims map[string]any) {
	if v := claims[claimVerified]; v != true && v != "true" {
		delete(claims, claimEmail)
	}
}

// lacks reports whether a claim of the rules, or the name, is missing.
func (p *provider) lacks(claims map[string]any) bool {
	missing := func(r OIDCRule) bool {
		return claims[r.Claim] == nil || r.Claim == claimEmail && claims[claimVerified] == nil
	}
	return claims[p.config.NameClaim] == nil || slices.ContainsFunc(p.config.Rules, missing)
}

// more adds the claims of the user info. Claims of the signed ID token stay.
func more(ctx context.Context, found *oidc.Provider, tokens *oauth2.Token, subject string, claims map[string]any) error {
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return errors.New("the provider gives no user info")
	}
	if info.Subject != subject {
		return errors.New("the user info belongs to another person")
	}
	further := map[string]any{}
	if err := info.Claims(&further); err != nil {
		return errors.New("the user info cannot be read")
	}
	for name, value := range further {
		if claims[name] == nil {
			claims[name] = value
		}
	}
	return nil
}

// identify returns the person of the claims, with the first rule that matches.
func (p *provider) identify(subject string, claims map[string]any) (identity, error) {
	name, _ := claims[p.config.NameClaim].(string)
	if name = oneLine(name); name == "" {
		name = oneLine(subject)
	}
	name = name[:min(len(name), longestName)]
	for _, rule := range p.config.Rules {
		if hasValue(claims[rule.Claim], rule.Value) {
			return identity{Name: name, Rule: rule}, nil
		}
	}
	return identity{Name: name}, errNoRights
}

// hasValue reports whether a claim is a text, or a list with the text.
func hasValue(claim any, value string) bool {
	switch c := claim.(type) {
	case string:
		return c == value
	case []any:
		return slices.Contains(c, any(value))
	default:
		return false
	}
}
