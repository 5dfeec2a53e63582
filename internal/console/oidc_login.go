package console

import (
	"context"
	"crypto/hmac"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	attemptCookie = "usher_console_oidc"
	attemptTime   = 10 * time.Minute // for the log-in at the provider
	oidcRoot      = root + "oidc/"
)

// seal returns a value as JSON with a signature for one use.
func (p *provider) seal(use string, value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	body := base64.RawURLEncoding.EncodeToString(text)
	return body + "." + base64.RawURLEncoding.EncodeToString(p.signature(use, body)), nil
}

// open reads a sealed value, and reports whether the signature is right.
func (p *provider) open(use, sealed string, value any) bool {
	body, given, _ := strings.Cut(sealed, ".")
	mac, err := base64.RawURLEncoding.DecodeString(given)
	if err != nil || !hmac.Equal(mac, p.signature(use, body)) {
		return false
	}
	text, err := base64.RawURLEncoding.DecodeString(body)
	return err == nil && json.Unmarshal(text, value) == nil
}

// signature returns a signature with a key derived from the secret of the client and from the
// configuration, for one use only.
func (p *provider) signature(use, text string) []byte {
	return sign(sign([]byte(p.config.Secret.Reveal()), "usher console oidc "+use+" "+p.digest), text)
}

// oidcSession is the content of the cookie of a person from the provider.
type oidcSession struct {
	session
	Rights Rights `json:"w"`
}

// readSession returns the visitor of a cookie of a session.
func (p *provider) readSession(value string, now time.Time) (visitor, bool) {
	var s oidcSession
	if !p.open("session", value, &s) {
		return visitor{}, false
	}
	body, _, _ := strings.Cut(value, ".")
	v := visitor{Name: s.Name, Operator: s.Operator, rights: s.Rights, expires: time.Unix(s.Expires, 0)}
	v.csrf = hex.EncodeToString(p.signature("form", body))
	return v, now.Before(v.expires)
}

// newSession returns the value of the cookie of a person.
func (p *provider) newSession(who identity, now time.Time) (string, error) {
	s := oidcSession{session: newSessionOf(who.Name, who.Rule.Operator, now.Add(oidcSessionTime)), Rights: who.Rule.Rights}
	return p.seal("session", s)
}

// attemptCookieOf returns the cookie of a log-in at the provider. SameSite is Lax: the provider's
// redirect to the callback comes from another site.
func attemptCookieOf(r *http.Request, value string, age time.Duration) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // secure behind TLS: below
		Name: attemptCookie, Value: value, Path: oidcRoot, MaxAge: int(age.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	c.Secure = secure(r)
	return c
}

// oidcLogin redirects to the provider.
func (c *Console) oidcLogin(ctx context.Context, v *visit) (answer, error) {
	if c.provider == nil {
		return answer{}, errNoProvider
	}
	if c.tooMany(v) {
		return answer{}, errTooManyTries
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, c.provider.client), oidcTimeout)
	defer cancel()
	_, client, err := c.provider.find(ctx)
	if err != nil {
		c.deps.Log.Warn().Err(err).Msg("console: the OpenID Connect provider")
		return answer{}, &refusal{http.StatusBadGateway, "The provider does not answer", "Try again in a moment, or log in with a token. The log of usher says more."}
	}
	a := newAttempt(within(v.FormValue("next")), time.Now())
	sealed, err := c.provider.seal("attempt", a)
	if err != nil {
		return answer{}, err
	}
	to := client.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier))
	return answer{to: to, cookie: attemptCookieOf(v.Request, sealed, attemptTime)}, nil
}

var (
	errNoProvider   = &refusal{http.StatusNotFound, "No such log-in", "Set console.oidc in the configuration to log in at a provider."}
	errTooManyTries = &refusal{http.StatusTooManyRequests, "Too many tries", "Try again in some seconds."}
)

// tooMany counts a try to log in, and reports whether there were too many.
func (c *Console) tooMany(v *visit) bool {
	return c.tries.Take(c.config.Proxies.Address(v.Request)) > 0 && c.allTries.Take("") > 0
}

// oidcCallback ends a log-in at the provider, and begins a session.
func (c *Console) oidcCallback(ctx context.Context, v *visit) (answer, error) {
	if c.provider == nil {
		return answer{}, errNoProvider
	}
	if c.tooMany(v) {
		return answer{}, errTooManyTries
	}
	a, ok := c.attemptOf(v.Request, time.Now())
	if !ok {
		return answer{}, &refusal{http.StatusBadRequest, "This log-in is not known", "It took more than ten minutes, or began in another browser. Log in again."}
	}
	who, err := c.provider.redeem(ctx, v.FormValue("code"), a)
	if err == nil && c.taken(who.Name) {
		err = errTakenName
	}
	if err != nil {
		c.deps.Log.Warn().Err(err).Str("remote", c.config.Proxies.Address(v.Request)).Msg("console: a log-in at the provider failed")
		return answer{}, oidcRefusal(err)
	}
	value, err := c.provider.newSession(who, time.Now())
	if err != nil {
		return answer{}, err
	}
	c.deps.Log.Info().Str("who", who.Name).Str("remote", c.config.Proxies.Address(v.Request)).Msg("console: logged in at the provider")
	return answer{page: "welcome", title: "Logged in", data: a.Next, refresh: a.Next, cookie: cookie(v.Request, value, oidcSessionTime)}, nil
}

// attemptOf returns the log-in that a callback belongs to.
func (c *Console) attemptOf(r *http.Request, now time.Time) (a attempt, ok bool) {
	given, err := r.Cookie(attemptCookie)
	if err != nil || !c.provider.open("attempt", given.Value, &a) || now.Unix() > a.Expires {
		return a, false
	}
	return a, subtle.ConstantTimeCompare([]byte(a.State), []byte(r.FormValue("state"))) == 1
}

// taken reports whether a person with a token has a name.
func (c *Console) taken(name string) bool {
	for _, p := range c.config.People {
		if p.Name == name {
			return true
		}
	}
	return name == "operator" // of console.tokens
}

// oidcRefusal returns the page about a failed log-in.
func oidcRefusal(err error) *refusal {
	if errors.Is(err, errNoRights) || errors.Is(err, errTakenName) {
		return &refusal{http.StatusForbidden, "No access", "You are known to the provider, but " + err.Error() + ". Ask for it, or log in with a token."}
	}
	return &refusal{http.StatusBadGateway, "The log-in failed", "Nothing was done: " + mask(err.Error()) + ". Log in again, or with a token."}
}
