// Package console serves the pages of usher at /console/: the state of each vendor, a feed of
// results, the dead letters and actions on them, the history of a user. Like the commands, the
// pages show and change state by internal/ops only. The server renders all pages; htmx replaces
// changed parts.
package console

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"github.com/usherhq/usher/internal/clientlimit"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/vendors"
)

// root is the path of all pages.
const root = "/console/"

// Config holds the people with access.
type Config struct {
	People []Person // without people and OIDC the console is off, unless it is Open
	OIDC   *OIDC    // nil: no log-in at a provider
	// Open gives everybody on this machine the rights of an operator if there are no People:
	// for the demo.
	Open bool
	// Proxies are the proxies whose X-Forwarded-For counts.
	Proxies clientlimit.Proxies
}

// closed reports whether visitors have to log in.
func (c Config) closed() bool { return len(c.People) > 0 || c.OIDC != nil }

// Person is a person with access by a token.
type Person struct {
	Name     string // in the audit log
	Operator bool   // may act and see personal data; otherwise a reader
	Token    vendors.Secret
	Rights   Rights // of an operator
}

// Deps are the parts needed by the pages. Version may be empty.
type Deps struct {
	Service func() *ops.Service // nil before the connection to NATS
	Log     zerolog.Logger
	Version string
}

// Console is the handler of all paths below /console/.
type Console struct {
	config   Config
	deps     Deps
	assets   *assets
	pages    pages
	routes   http.Handler
	cross    *http.CrossOriginProtection
	tries    *clientlimit.Limits // to log in, by address
	allTries *clientlimit.Limits // beyond, of all addresses
	ended    endedSessions
	hub      *hub
	provider *provider // nil: no log-in at a provider
	demo     []byte    // key of the visitor of an open console
}

// New returns a console. Close ends its live pages.
func New(c Config, d Deps) (*Console, error) {
	for _, p := range c.People {
		if p.Name == "" || p.Token == "" {
			return nil, fmt.Errorf("console: a person without a name or a token")
		}
	}
	files, err := newAssets()
	if err != nil {
		return nil, err
	}
	console := &Console{
		config: c, deps: d, assets: files, cross: http.NewCrossOriginProtection(),
		tries: clientlimit.NewLimits(rate.Every(tryEvery), triesAtOnce), allTries: clientlimit.NewLimits(tryOfAllRate, triesOfAll), hub: newHub(d), demo: []byte(rand.Text()),
	}
	if c.OIDC != nil {
		if console.provider, err = newProvider(*c.OIDC); err != nil {
			return nil, err
		}
	}
	if console.pages, err = newPages(files); err != nil {
		return nil, err
	}
	console.routes = console.mux()
	return console, nil
}

// Close ends all live pages and the follower, and waits for their end. Later pages are not live.
func (c *Console) Close() { c.hub.close() }

// ServeHTTP answers requests for /console and all paths below.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	switch {
	case r.URL.Path+"/" == root:
		http.Redirect(w, r, root, http.StatusSeeOther)
	case strings.HasPrefix(r.URL.Path, assetsRoot):
		c.assets.ServeHTTP(w, r)
	case !c.config.closed() && !c.config.Open:
		c.refuse(w, r, &refusal{status: http.StatusNotFound, title: "The console is off", text: "To turn it on, set USHER_CONSOLE_TOKENS to a token of at least 16 bytes, such as one that openssl rand -hex 32 makes, and start usher again."})
	case !c.config.closed() && !clientlimit.Loopback(r.Host):
		c.refuse(w, r, &refusal{status: http.StatusForbidden, title: "Not under this name", text: "A console without tokens answers under a name of this machine only, such as 127.0.0.1."})
	case c.cross.Check(r) != nil:
		c.refuse(w, r, &refusal{status: http.StatusForbidden, title: "Sent from elsewhere", text: "This request was made by a page of another site, so nothing was done."})
	default:
		c.routes.ServeHTTP(w, r)
	}
}

// protect sets the security headers of every answer: no content of other origins, no inline
// scripts, no frames.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}
