package ingest

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// Client is one who may post events.
type Client struct {
	Name    string // for logs and limits
	Token   vendors.Secret
	Sources []string // that its events may name; none: any
	Types   []string // that its events may have; none: any
}

// anybody posts where no tokens are asked for.
var anybody = Client{Name: "anybody"}

// may says what a client may not do with an event; nil where it may.
func (c Client) may(e events.Event) *events.InvalidError {
	if len(c.Sources) > 0 && !slices.Contains(c.Sources, e.Source()) {
		return &events.InvalidError{Pointer: "/source", Rule: "not-allowed", Detail: "this token is not for events of that source"}
	}
	if len(c.Types) > 0 && !slices.Contains(c.Types, e.Type()) {
		return &events.InvalidError{Pointer: "/type", Rule: "not-allowed", Detail: "this token is not for events of that type"}
	}
	return nil
}

// who finds the client by its token, which it gives in the header Authorization
// or, as the web hook specification demands, in the query. Where it returns
// false, it has answered.
func (p *endpoint) who(w http.ResponseWriter, r *http.Request) (Client, bool) {
	token, how := token(r)
	if len(p.config.Clients) == 0 {
		if !loopback(r.Host) {
			p.refuse(w, r, problem{Status: http.StatusForbidden, Detail: "without tokens, events are taken under a name of this machine only, such as 127.0.0.1"})
			return Client{}, false
		}
		return anybody, p.within(w, r, anybody.Name+" "+remote(r))
	}
	if how == twice {
		p.refuse(w, r, problem{Status: http.StatusBadRequest, Detail: "give the token once: in the header Authorization, or in the query"})
		return Client{}, false
	}
	given := sha256.Sum256([]byte(token))
	found := -1
	for i, c := range p.config.Clients { // all of them, so that the time says nothing
		known := sha256.Sum256([]byte(c.Token.Reveal()))
		if subtle.ConstantTimeCompare(given[:], known[:]) == 1 && token != "" {
			found = i
		}
	}
	if found < 0 {
		if p.within(w, r, "stranger "+remote(r)) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="usher"`)
			p.refuse(w, r, problem{Status: http.StatusUnauthorized, Detail: "a known token is needed: Authorization: Bearer TOKEN"})
		}
		return Client{}, false
	}
	if how == inQuery {
		w.Header().Set("Cache-Control", "private")
	}
	return p.config.Clients[found], p.within(w, r, p.config.Clients[found].Name)
}

// Where a token was given.
const (
	nowhere = iota
	inHeader
	inQuery
	twice
)

func token(r *http.Request) (token string, how int) {
	if scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		token, how = strings.TrimSpace(rest), inHeader
	}
	if r.URL.RawQuery == "" {
		return token, how
	}
	given := r.URL.Query()["access_token"]
	switch {
	case len(given) == 0:
		return token, how
	case len(given) > 1 || how == inHeader:
		return "", twice
	default:
		return given[0], inQuery
	}
}

// loopback tells whether a request's host is this machine. A page in a browser
// may have a name of its own resolve to it.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// remote is the address of the other side, without its port.
func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// within counts a request, and answers it where it is one too many.
func (p *endpoint) within(w http.ResponseWriter, r *http.Request, client string) bool {
	after := p.limits.take(client)
	if after > 0 {
		p.refuse(w, r, problem{Status: http.StatusTooManyRequests, Detail: "too many requests of this client; send events in batches, or more slowly", after: after})
	}
	return after <= 0
}

// manyClients is how many limiters are kept; beyond it those go that nobody uses.
const manyClients = 10_000

// limits is one rate limiter for each client.
type limits struct {
	rate float64

	mu       sync.Mutex
	byClient map[string]*rate.Limiter
}

func newLimits(perSecond float64) *limits {
	return &limits{rate: perSecond, byClient: map[string]*rate.Limiter{}}
}

// take counts a request, and returns how long it should have waited.
func (l *limits) take(client string) time.Duration {
	if l.rate <= 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, ok := l.byClient[client]
	if !ok {
		l.prune()
		limiter = rate.NewLimiter(rate.Limit(l.rate), max(1, int(l.rate)))
		l.byClient[client] = limiter
	}
	slot := limiter.Reserve()
	if after := slot.Delay(); after > 0 {
		slot.Cancel()
		return max(after, time.Second)
	}
	return 0
}

// prune forgets, where there are many, the clients that could send a whole burst:
// a new limiter would let them do the same. Where all are busy, it forgets all.
func (l *limits) prune() {
	if len(l.byClient) < manyClients {
		return
	}
	for name, limiter := range l.byClient {
		if limiter.Tokens() >= float64(limiter.Burst()) {
			delete(l.byClient, name)
		}
	}
	if len(l.byClient) >= manyClients {
		clear(l.byClient)
	}
}
