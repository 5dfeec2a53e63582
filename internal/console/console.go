// Package console is the pages of usher for people, at /console/: how each vendor
// stands, what comes of each event as it comes, the dead letters and what is done
// about them, one user's story. It shows facts and does deeds of internal/ops, as
// the commands do. The server renders all of it; htmx replaces what changes.
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

// root is the path that all pages stand below.
const root = "/console/"

// Config says who may come in.
type Config struct {
	People []Person // none: there is no console, unless it is Open
	// Open lets anybody on this machine in as an operator, where there are no
	// People: for the demo.
	Open bool
}

// Person is one who may come in, with a token.
type Person struct {
	Name     string // as the audit tells it
	Operator bool   // may act, and see personal data; else a reader
	Token    vendors.Secret
}

// Deps is what the pages show. All must be set but Version.
type Deps struct {
	Desk    func() *ops.Desk // nil while NATS has not been reached
	Log     zerolog.Logger
	Version string
}

// Console answers everything below /console/.
type Console struct {
	config Config
	deps   Deps
	assets *assets
	pages  pages
	routes http.Handler
	cross  *http.CrossOriginProtection
	tries  *clientlimit.Limits
	hub    *hub
	demo   []byte // key of the visitor of an open console
}

// New returns a console. Close ends it.
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
		tries: clientlimit.NewLimits(rate.Every(tryEvery), triesAtOnce), hub: newHub(d), demo: []byte(rand.Text()),
	}
	if console.pages, err = newPages(files); err != nil {
		return nil, err
	}
	console.routes = console.mux()
	return console, nil
}

// Close ends all live pages and what they are fed from, and returns when they
// have ended. Pages that are asked for later do not live.
func (c *Console) Close() { c.hub.close() }

// ServeHTTP answers a request for /console or anything below it.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	switch {
	case r.URL.Path+"/" == root:
		http.Redirect(w, r, root, http.StatusSeeOther)
	case strings.HasPrefix(r.URL.Path, assetsRoot):
		c.assets.ServeHTTP(w, r)
	case len(c.config.People) == 0 && !c.config.Open:
		c.refuse(w, r, &refusal{status: http.StatusNotFound, title: "The console is off", text: "To turn it on, set USHER_CONSOLE_TOKENS to a token of at least 16 bytes, such as one that openssl rand -hex 32 makes, and start usher again."})
	case len(c.config.People) == 0 && !clientlimit.Loopback(r.Host):
		c.refuse(w, r, &refusal{status: http.StatusForbidden, title: "Not under this name", text: "A console without tokens answers under a name of this machine only, such as 127.0.0.1."})
	case c.cross.Check(r) != nil:
		c.refuse(w, r, &refusal{status: http.StatusForbidden, title: "Sent from elsewhere", text: "This request was made by a page of another site, so nothing was done."})
	default:
		c.routes.ServeHTTP(w, r)
	}
}

// protect sets what every answer bears: nothing is loaded from elsewhere, nothing
// in a page is run, and no other page may frame it.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}
