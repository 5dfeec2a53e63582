package console

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How often a token may be tried from one address: a few times at once, then one
// every so often. One that is right clears the slate.
const (
	triesAtOnce = 5
	tryEvery    = 12 * time.Second
)

// manyAddresses is how many are remembered; beyond it those go that have not
// tried of late.
const manyAddresses = 10_000

// tries counts the tries to log in by address.
type tries struct {
	mu sync.Mutex
	by map[string]*rate.Limiter
}

func newTries() *tries { return &tries{by: map[string]*rate.Limiter{}} }

// take counts a try, and tells whether it may be made.
func (t *tries) take(address string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	limiter := t.by[address]
	if limiter == nil {
		t.prune()
		limiter = rate.NewLimiter(rate.Every(tryEvery), triesAtOnce)
		t.by[address] = limiter
	}
	return limiter.Allow()
}

func (t *tries) prune() {
	if len(t.by) < manyAddresses {
		return
	}
	for address, limiter := range t.by {
		if limiter.Tokens() >= triesAtOnce {
			delete(t.by, address)
		}
	}
	if len(t.by) >= manyAddresses {
		clear(t.by)
	}
}

// forget clears the slate of an address.
func (t *tries) forget(address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.by, address)
}

// loginForm is what the page to log in shows.
type loginForm struct {
	Next  string // where to go then
	Wrong string // why not
}

func (c *Console) loginPage(_ context.Context, v *visit) (answer, error) {
	return answer{page: "login", title: "Log in", data: loginForm{Next: within(v.FormValue("next"))}}, nil
}

// login begins a session. What was tried is not logged: it may be a slip in the
// token, or another password.
func (c *Console) login(_ context.Context, v *visit) (answer, error) {
	form := loginForm{Next: within(v.PostFormValue("next"))}
	address := remote(v.Request)
	if !c.tries.take(address) {
		form.Wrong = "Too many tries from this address: wait a minute, then try again."
		return answer{page: "login", title: "Log in", data: form, status: http.StatusTooManyRequests}, nil
	}
	person, ok := personOf(strings.TrimSpace(v.PostFormValue("token")), c.config.People)
	if !ok {
		c.deps.Log.Warn().Str("remote", address).Msg("console: a token that is none was tried")
		form.Wrong = "This token is not known. It stands in console.tokens or console.people of the configuration."
		return answer{page: "login", title: "Log in", data: form, status: http.StatusUnauthorized}, nil
	}
	c.tries.forget(address)
	value, err := newSession(person, time.Now())
	if err != nil {
		return answer{}, err
	}
	c.deps.Log.Info().Str("who", person.Name).Str("remote", address).Msg("console: logged in")
	return answer{to: form.Next, cookie: cookie(v.Request, value, sessionTime)}, nil
}

func (c *Console) logout(_ context.Context, v *visit) (answer, error) {
	return answer{to: root + "login", cookie: cookie(v.Request, "", -time.Second)}, nil
}

// within is a path of the console; the first page, where next is none.
func within(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || strings.ContainsAny(next, "\\\r\n\t") ||
		!strings.HasPrefix(path.Clean(u.Path)+"/", root) || !strings.HasPrefix(next, root) {
		return root
	}
	return next
}

// remote is the address of the other side, without its port.
func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
