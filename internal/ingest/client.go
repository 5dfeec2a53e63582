package ingest

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/clientlimit"
	"github.com/usherhq/usher/vendors"
)

// Client is a sender to /events.
type Client struct {
	Name    string // for logs and limits
	Token   vendors.Secret
	Sources []string // allowed sources of events; none: any
	Types   []string // allowed types of events; none: any
	Channel events.Channel
	Quota   Quota
}

// anybody is the client of all requests if no tokens are configured.
var anybody = Client{Name: "anybody"}

// may returns nil if the client may send the event, else the reason.
func (c Client) may(e events.Event) *events.InvalidError {
	source := events.Source(e)
	if events.IsWebhookSource(source) {
		return &events.InvalidError{Pointer: "/source", Rule: "not-allowed", Detail: "sources below /webhooks/ belong to signed deliveries"}
	}
	if len(c.Sources) > 0 && !slices.Contains(c.Sources, source) {
		return &events.InvalidError{Pointer: "/source", Rule: "not-allowed", Detail: "this token does not allow events of the source"}
	}
	if len(c.Types) > 0 && !slices.Contains(c.Types, e.Type()) {
		return &events.InvalidError{Pointer: "/type", Rule: "not-allowed", Detail: "this token does not allow events of the type"}
	}
	return nil
}

// authenticate returns the client of the token in the header Authorization or, as the web hook
// specification demands, in the query. Reports false after answering the request with an error.
func (p *endpoint) authenticate(w http.ResponseWriter, r *http.Request) (Client, bool) {
	token, how := token(r)
	if len(p.config.Clients) == 0 {
		if !clientlimit.Loopback(r.Host) {
			p.refuse(w, r, problem{Status: http.StatusForbidden, Detail: "without tokens, events are accepted only under a name of this machine, such as 127.0.0.1"})
			return Client{}, false
		}
		return anybody, p.withinLimit(w, r, p.limits, anybody.Name+" "+p.address(r))
	}
	if how == twice {
		p.refuse(w, r, problem{Status: http.StatusBadRequest, Detail: "give the token once: in the header Authorization, or in the query"})
		return Client{}, false
	}
	given := sha256.Sum256([]byte(token))
	found := -1
	for i, c := range p.config.Clients { // compare all, so the time reveals nothing
		known := sha256.Sum256([]byte(c.Token.Reveal()))
		if subtle.ConstantTimeCompare(given[:], known[:]) == 1 && token != "" {
			found = i
		}
	}
	if found < 0 {
		if p.withinLimit(w, r, p.strangers, p.address(r)) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="usher"`)
			p.refuse(w, r, problem{Status: http.StatusUnauthorized, Detail: "a known token is needed: Authorization: Bearer TOKEN"})
		}
		return Client{}, false
	}
	if how == inQuery {
		w.Header().Set("Cache-Control", "private")
	}
	return p.config.Clients[found], p.withinLimit(w, r, p.limits, p.config.Clients[found].Name)
}

// Places of a token in a request.
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
	if len(r.Header.Values("Authorization")) > 1 {
		return "", twice
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

// address returns the address of the client, behind trusted proxies too.
func (p *endpoint) address(r *http.Request) string { return p.config.Proxies.Address(r) }

// withinLimit counts a request, and answers the request if the client exceeds the rate.
func (p *endpoint) withinLimit(w http.ResponseWriter, r *http.Request, limits *clientlimit.Limits, client string) bool {
	after := limits.Take(client)
	if after > 0 {
		p.refuse(w, r, problem{Status: http.StatusTooManyRequests, Detail: "too many requests of this client; send events in batches, or more slowly", after: after})
	}
	return after <= 0
}
