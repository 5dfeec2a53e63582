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

// Who may ask for a route.
type right int

const (
	anybody right = iota
	reader
	operator
)

const (
	askTime  = 30 * time.Second // the longest that a page may take
	mostForm = 1 << 20          // bytes of a form
)

// visit is a request, who makes it, and the desk; nil only where the route does
// without.
type visit struct {
	*http.Request
	who  visitor
	desk *ops.Desk
}

// answer is a page, or where to go instead.
type answer struct {
	page   string // the template; empty: go to
	title  string
	data   any
	bare   bool   // the page is a part, which takes the place of one that stands
	told   string // what was done just now
	to     string
	status int // zero: 200
	cookie *http.Cookie
}

// refusal is an error that a person is told of as it is.
type refusal struct {
	status      int
	title, text string
}

func (r *refusal) Error() string { return r.title + ": " + r.text }

// route is one thing that may be asked for.
type route struct {
	pattern string
	may     right
	do      func(context.Context, *visit) (answer, error)
}

// table is THE list of what may be asked for, and by whom.
func (c *Console) table() []route {
	return []route{
		{"GET /console/login", anybody, c.loginPage},
		{"POST /console/login", anybody, c.login},
		{"POST /console/logout", reader, c.logout},
		{"GET /console/{$}", reader, c.overview},
		{"GET /console/feed", reader, c.feed},
		{"GET /console/dead", reader, c.dead},
		{"POST /console/dead", operator, c.deadDeed},
		{"GET /console/dead/{vendor}/{type}/{key}", reader, c.letter},
		{"GET /console/dead/{vendor}/{type}/{key}/state", reader, c.letterState},
		{"POST /console/dead/{vendor}/{type}/{key}", operator, c.letterDeed},
		{"GET /console/user", reader, c.user},
		{"GET /console/send", operator, c.sendForm},
		{"POST /console/send", operator, c.send},
		{"GET /console/audit", reader, c.audit},
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

// do answers one request of a route.
func (c *Console) do(w http.ResponseWriter, v *visit, rt route) {
	if v.desk == nil && rt.may != anybody {
		c.refuse(w, v.Request, errAway)
		return
	}
	ctx, cancel := context.WithTimeout(v.Context(), askTime)
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

// admit lets in who may ask, with a form of this very session where something is
// to be done.
func (c *Console) admit(may right, next func(http.ResponseWriter, *visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, known := c.visitor(r)
		deed := r.Method != http.MethodGet && r.Method != http.MethodHead
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		switch {
		case may == anybody:
		case !known:
			c.toLogin(w, r)
			return
		case deed && !sameForm(r, who):
			c.refuse(w, r, &refusal{status: http.StatusForbidden, title: "This form is too old", text: "Nothing was done. Load the page again, and send it once more."})
			return
		case may == operator && !who.Operator:
			c.refuse(w, r, &refusal{status: http.StatusForbidden, title: "Readers only look", text: "Nothing was done: ask an operator, or for a token with the role operator."})
			return
		}
		next(w, &visit{Request: r, who: who, desk: c.deps.Desk()})
	}
}

// visitor is who makes a request.
func (c *Console) visitor(r *http.Request) (visitor, bool) {
	if len(c.config.People) == 0 {
		if !c.config.Open {
			return visitor{}, false
		}
		return visitor{Name: "demo", Operator: true, Open: true, csrf: hex.EncodeToString(sign(c.demo, "form"))}, true
	}
	given, err := r.Cookie(cookieName)
	if err != nil {
		return visitor{}, false
	}
	return readSession(given.Value, c.config.People, time.Now())
}

// formHeader bears what htmx sends instead of a field of a form.
const formHeader = "X-Usher-Form"

// sameForm tells whether what is sent was made by a page of this session.
func sameForm(r *http.Request, who visitor) bool {
	given := r.Header.Get(formHeader)
	if given == "" {
		given = r.PostFormValue("form_key")
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(who.csrf)) == 1 && who.csrf != ""
}

// toLogin asks who it is. htmx would put the page into the middle of another.
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

// refuse shows a page that says why there is none.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, err error) {
	told, ok := errors.AsType[*refusal](err)
	if !ok {
		c.deps.Log.Warn().Err(err).Str("path", r.URL.Path).Msg("console")
		told = &refusal{status: http.StatusBadGateway, title: "NATS did not answer as it should", text: mask(err.Error()) + ". Try again in a moment; usher nats check says more."}
	}
	who, _ := c.visitor(r)
	c.give(w, r, who, answer{page: "refused", title: told.title, data: told.text, status: told.status})
}
