package console

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// Limits of attempts to log in. An address has a burst, and then one try each tryEvery. Tries beyond
// use a budget of all addresses, so that wrong tries of others lock nobody out.
const (
	triesAtOnce  = 5
	tryEvery     = 12 * time.Second
	triesOfAll   = 20 // burst of all addresses
	tryOfAllRate = 10 // tries of all addresses in a second
)

// loginForm is the data of the login page.
type loginForm struct {
	Next  string // the page after the login
	Wrong string // why the login failed
	Token bool   // people log in with a token
	OIDC  bool   // people log in at a provider
}

// form returns the data of the login page.
func (c *Console) form(next string) loginForm {
	return loginForm{Next: within(next), Token: len(c.config.People) > 0, OIDC: c.provider != nil}
}

func (c *Console) loginPage(_ context.Context, v *visit) (answer, error) {
	return answer{page: "login", title: "Log in", data: c.form(v.FormValue("next"))}, nil
}

// login begins a session. A wrong token is not logged: the text may be close to a valid token, or
// another password.
func (c *Console) login(_ context.Context, v *visit) (answer, error) {
	form := c.form(v.PostFormValue("next"))
	address := c.config.Proxies.Address(v.Request)
	if c.tooMany(v) {
		form.Wrong = "Too many tries at this moment: try again in some seconds."
		return answer{page: "login", title: "Log in", data: form, status: http.StatusTooManyRequests}, nil
	}
	person, ok := personOf(strings.TrimSpace(v.PostFormValue("token")), c.config.People)
	if !ok {
		c.deps.Log.Warn().Str("remote", address).Msg("console: a token that is none was tried")
		form.Wrong = "This token is not known. Valid tokens are those in console.tokens or console.people of the configuration."
		return answer{page: "login", title: "Log in", data: form, status: http.StatusUnauthorized}, nil
	}
	value, err := newSession(person, time.Now())
	if err != nil {
		return answer{}, err
	}
	c.deps.Log.Info().Str("who", person.Name).Str("remote", address).Msg("console: logged in")
	return answer{to: form.Next, cookie: cookie(v.Request, value, sessionTime)}, nil
}

func (c *Console) logout(_ context.Context, v *visit) (answer, error) {
	c.ended.end(v.who, time.Now())
	return answer{to: root + "login", cookie: cookie(v.Request, "", -time.Second)}, nil
}

// within returns next if it is a path of the console, and the first page otherwise.
func within(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || strings.ContainsAny(next, "\\\r\n\t") ||
		!strings.HasPrefix(path.Clean(u.Path)+"/", root) || !strings.HasPrefix(next, root) {
		return root
	}
	return next
}
