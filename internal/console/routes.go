package console

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/usherhq/usher/internal/ops"
)

// right is the right needed for a route.
type right int

const (
	anybody right = iota
	reader
	operator
)

const (
	pageTimeout = 30 * time.Second // of a page
	maxForm     = 1 << 20          // bytes of a form
)

// visit is a request with its visitor and the operations. The operations are nil only for routes
// of anybody.
type visit struct {
	*http.Request
	who     visitor
	service *ops.Service
}

// answer is a page or a redirect.
type answer struct {
	page   string // the template; empty: redirect to
	title  string
	data   any
	bare   bool   // the page is only a part, to replace the same part in the browser
	notice string // the action that was just carried out
	to     string
	status int // zero: 200
	cookie *http.Cookie
	// refresh is the path of the next page, loaded by the present page: a redirect within a
	// navigation from another site would not carry the cookie of the session.
	refresh string
}

// refusal is an error shown to people.
type refusal struct {
	status      int
	title, text string
}

func (r *refusal) Error() string { return r.title + ": " + r.text }

// route is a path with its right and its function.
type route struct {
	pattern string
	may     right
	do      func(context.Context, *visit) (answer, error)
}

// table is THE list of routes, with the rights for them.
func (c *Console) table() []route {
	return []route{
		{"GET /console/login", anybody, c.loginPage},
		{"POST /console/login", anybody, c.login},
		{"GET /console/oidc/login", anybody, c.oidcLogin},
		{"GET /console/oidc/callback", anybody, c.oidcCallback},
		{"POST /console/logout", reader, c.logout},
		{"GET /console/{$}", reader, c.overview},
		{"GET /console/feed", reader, c.feed},
		{"GET /console/dead", reader, c.dead},
		{"POST /console/dead", operator, c.deadAction},
		{"POST /console/dead/follow", operator, c.followReplays},
		{"GET /console/dead/{vendor}/{type}/{key}", reader, c.letter},
		{"GET /console/dead/{vendor}/{type}/{key}/state", reader, c.letterState},
		{"POST /console/dead/{vendor}/{type}/{key}", operator, c.letterAction},
		{"GET /console/user", reader, c.user},
		{"POST /console/user", operator, c.resync},
		{"POST /console/user/find", reader, c.findUser},
		{"GET /console/event", reader, c.event},
		{"GET /console/send", operator, c.sendForm},
		{"POST /console/send", operator, c.send},
		{"GET /console/audit", reader, c.audit},
		{"GET /console/configuration", reader, c.configuration},
		{"GET /console/deletions", reader, c.deletions},
		{"POST /console/deletions", operator, c.approve},
		{"GET /console/vendors/{vendor}", reader, c.vendor},
		{"POST /console/vendors/{vendor}/check", operator, c.checkNow},
		{"POST /console/vendors/{vendor}/pause", operator, c.pause},
		{"POST /console/vendors/{vendor}/resume", operator, c.resume},
	}
}

func (c *Console) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range c.table() {
		mux.HandleFunc(rt.pattern, c.admit(rt.may, func(w http.ResponseWriter, v *visit) { c.do(w, v, rt) }))
	}
	mux.HandleFunc("GET /console/live/overview", c.admit(reader, c.liveOverview))
	mux.HandleFunc("GET /console/live/feed", c.admit(reader, c.liveFeed))
	mux.HandleFunc(root, c.admit(reader, func(w http.ResponseWriter, v *visit) {
		c.refuse(w, v.Request, &refusal{status: http.StatusNotFound, title: "There is nothing here", text: "The menu leads to all that there is."})
	}))
	return mux
}

// do answers a request of a route.
func (c *Console) do(w http.ResponseWriter, v *visit, rt route) {
	if v.service == nil && rt.may != anybody {
		c.refuse(w, v.Request, errAway)
		return
	}
	if rt.may == operator {
		if err := forbidden(v, rt.pattern); err != nil {
			c.refuse(w, v.Request, err)
			return
		}
	}
	ctx, cancel := context.WithTimeout(v.Context(), pageTimeout)
	defer cancel()
	a, err := rt.do(ctx, v)
	if err != nil {
		c.refuse(w, v.Request, err)
		return
	}
	c.give(w, v.Request, v.who, a)
}

var errAway = &refusal{
	status: http.StatusServiceUnavailable, title: "NATS is not reached yet",
	text: "usher goes on trying, and this page with it. If that lasts, look at nats.url in the configuration and at the log of usher serve.",
}

// admit returns a handler that checks the right of the visitor, and the key in the form of a
// request that changes something.
func (c *Console) admit(may right, next func(http.ResponseWriter, *visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, known := c.visitor(r)
		changes := r.Method != http.MethodGet && r.Method != http.MethodHead
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		switch {
		case may == anybody:
		case !known:
			c.toLogin(w, r)
			return
		case changes && !sameForm(r, who):
			c.refuse(w, r, &refusal{status: http.StatusForbidden, title: "This form is too old", text: "Nothing was done. Load the page again, and send it once more."})
			return
		case may == operator && !who.Operator:
			c.refuse(w, r, &refusal{status: http.StatusForbidden, title: "Readers only look", text: "Nothing was done: ask an operator, or for a token with the role operator."})
			return
		}
		next(w, &visit{Request: r, who: who, service: c.deps.Service()})
	}
}

// visitor returns the visitor of a request.
func (c *Console) visitor(r *http.Request) (visitor, bool) {
	if !c.config.closed() {
		if !c.config.Open {
			return visitor{}, false
		}
		return visitor{Name: "demo", Operator: true, Open: true, csrf: hex.EncodeToString(sign(c.demo, "form"))}, true
	}
	who, ok := readSession(sessionOf(r), c.config.People, time.Now())
	if !ok && c.provider != nil {
		who, ok = c.provider.readSession(sessionOf(r), time.Now())
	}
	if !ok || c.ended.has(who) {
		return visitor{}, false
	}
	return who, true
}

// formHeader is the header with the form key in requests of htmx.
const formHeader = "X-Usher-Form"

// sameForm reports whether a page of this session sent the form.
func sameForm(r *http.Request, who visitor) bool {
	given := r.Header.Get(formHeader)
	if given == "" {
		given = r.PostFormValue("form_key")
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(who.csrf)) == 1 && who.csrf != ""
}

// toLogin redirects to the login. htmx needs a header, or would insert the login into a page.
func (c *Console) toLogin(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("HX-Request") != "" {
		w.Header().Set("HX-Redirect", root+"login")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	to := root + "login"
	if r.Method == http.MethodGet && r.URL.Path != root {
		to += "?next=" + url.QueryEscape(r.URL.RequestURI())
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// refuse answers by a page with the reason of the refusal.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, err error) {
	shown, ok := errors.AsType[*refusal](err)
	if !ok {
		c.deps.Log.Warn().Err(err).Str("path", r.URL.Path).Msg("console")
		shown = &refusal{status: http.StatusBadGateway, title: "NATS did not answer as it should", text: mask(err.Error()) + ". Try again in a moment; usher nats check says more."}
	}
	who, _ := c.visitor(r)
	c.give(w, r, who, answer{page: "refused", title: shown.title, data: shown.text, status: shown.status})
}
