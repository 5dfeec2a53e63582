package ingest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The headers of the web hook specification.
const (
	headerOrigin      = "WebHook-Request-Origin"
	headerRate        = "WebHook-Request-Rate"
	headerCallback    = "WebHook-Request-Callback"
	headerAllowOrigin = "WebHook-Allowed-Origin"
	headerAllowRate   = "WebHook-Allowed-Rate"
)

// callbackTime is the timeout of a callback.
const callbackTime = 10 * time.Second

// consent answers a sender that asks for permission to deliver. Only the headers grant the
// permission; the status does not.
func (p *endpoint) consent(w http.ResponseWriter, r *http.Request) {
	if !p.withinLimit(w, r, p.strangers, p.address(r)) {
		return
	}
	w.Header().Set("Allow", "OPTIONS, POST")
	origin := r.Header.Get(headerOrigin)
	switch {
	case len(p.config.Origins) == 0: // permissions are not configured
	case origin == "":
		p.refuse(w, r, problem{Status: http.StatusBadRequest, Detail: "the header " + headerOrigin + " is missing"})
		return
	case !p.allowsOrigin(origin):
		p.refuse(w, r, problem{Status: http.StatusForbidden, Detail: "this origin may not deliver here"})
		return
	default:
		granted, ok := p.grant(origin, r.Header.Get(headerRate))
		if !ok {
			p.refuse(w, r, problem{Status: http.StatusBadRequest, Detail: headerRate + " must be a number above zero: deliveries in a minute"})
			return
		}
		if callback := p.callback(r.Header.Get(headerCallback)); callback != nil {
			go p.sendPermission(callback, granted)
		} else {
			for name, values := range granted {
				w.Header()[name] = values
			}
		}
	}
	w.WriteHeader(http.StatusOK)
}

// allowsOrigin reports whether an origin may deliver to this endpoint. Names of hosts are
// compared without case.
func (p *endpoint) allowsOrigin(origin string) bool {
	return slices.ContainsFunc(p.config.Origins, func(o string) bool { return o == "*" || strings.EqualFold(o, origin) })
}

// fromAllowedOrigin reports whether a delivery names no origin or an allowed one. Otherwise
// fromAllowedOrigin answers the request.
func (p *endpoint) fromAllowedOrigin(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get(headerOrigin)
	if origin == "" || len(p.config.Origins) == 0 || p.allowsOrigin(origin) {
		return true
	}
	p.refuse(w, r, problem{Status: http.StatusForbidden, Detail: "this origin may not deliver here"})
	return false
}

// grant returns the headers that permit an origin to deliver, at the lower of the requested and
// the configured rate. Reports false for an invalid rate.
func (p *endpoint) grant(origin, asked string) (http.Header, bool) {
	granted := http.Header{}
	granted.Set(headerAllowOrigin, origin)
	ours := int(p.config.Rate * 60) // zero: no limit
	wanted, err := strconv.Atoi(asked)
	switch {
	case asked != "" && (err != nil || wanted < 1):
		return nil, false
	case asked == "" && ours == 0:
		granted.Set(headerAllowRate, "*")
	case asked == "" || (ours > 0 && ours < wanted):
		granted.Set(headerAllowRate, strconv.Itoa(max(1, ours)))
	default:
		granted.Set(headerAllowRate, strconv.Itoa(wanted))
	}
	return granted, true
}

// callback returns the address for a requested permission. Returns nil if the sender requested
// no callback or the host is not configured; the answer then contains the permission.
func (p *endpoint) callback(text string) *url.URL {
	if text == "" || p.deps.Client == nil {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.User != nil || !slices.Contains(p.config.Callbacks, u.Host) {
		return nil
	}
	return u
}

// sendPermission posts a permission to the sender's callback.
func (p *endpoint) sendPermission(to *url.URL, granted http.Header) {
	ctx, cancel := context.WithTimeout(context.Background(), callbackTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), http.NoBody) //nolint:gosec // callback returns only configured hosts
	if err == nil {
		req.Header = granted
		var answer *http.Response
		if answer, err = p.deps.Client.Do(req); err == nil { //nolint:gosec // as above
			err = answer.Body.Close()
		}
	}
	if err != nil {
		p.deps.Log.Warn().Str("host", to.Host).Msg("send permission to deliver")
	}
}
