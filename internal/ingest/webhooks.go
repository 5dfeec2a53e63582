package ingest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/caller"
	"github.com/usherhq/usher/internal/ingest/mapping"
)

// Verifier tells whether a delivery was signed by one of its secrets.
type Verifier interface {
	// Verify returns the delivery's own id, which may be empty.
	Verify(header http.Header, body []byte) (id string, err error)
}

// Mapper makes an event of a delivery's payload.
type Mapper interface {
	// Map returns mapping.ErrIgnored for a payload that is nothing to us.
	Map(deliveryID string, header http.Header, body []byte) (events.Event, error)
}

// Webhook is one sender of signed deliveries.
type Webhook struct {
	Verifier Verifier
	Mapper   Mapper
}

func (h Webhook) known() bool { return h.Verifier != nil }

// postWebhook takes one signed delivery.
func (p *endpoint) postWebhook(w http.ResponseWriter, r *http.Request, name string) {
	begun := time.Now()
	if !p.within(w, r, "webhook "+name+" "+caller.Address(r)) {
		return
	}
	body, ok := p.body(w, r)
	if !ok {
		return
	}
	hook := p.config.Webhooks[name]
	id, err := hook.Verifier.Verify(r.Header, body)
	if err != nil {
		p.refuse(w, r, problem{Status: http.StatusUnauthorized, Detail: err.Error()})
		return
	}
	e, err := hook.Mapper.Map(id, r.Header, body)
	if errors.Is(err, mapping.ErrIgnored) {
		writeJSON(w, "application/json", http.StatusAccepted, accepted{Accepted: []string{}})
		return
	}
	if err == nil {
		err = p.deps.Validate(e)
	}
	if err != nil {
		p.keep(w, r, Delivery{Source: name, ID: id, Header: r.Header, Body: body, Problem: err.Error(), At: time.Now()}, err)
		return
	}
	p.store(w, r, begun, []events.Event{e})
}

// keep stores a delivery that cannot become an event, so that a person can mend
// the mapping and send it again, and tells the sender that it will not be better
// for being repeated.
func (p *endpoint) keep(w http.ResponseWriter, r *http.Request, d Delivery, cause error) {
	ctx, cancel := context.WithTimeout(r.Context(), p.config.StoreTime)
	defer cancel()
	what := fault{Rule: "mapping", Detail: d.Problem, status: http.StatusUnprocessableEntity}
	if invalid, ok := errors.AsType[*events.InvalidError](cause); ok {
		what = faultOf(0, "", invalid, http.StatusUnprocessableEntity)
	}
	d.Pointer, d.Rule = what.Pointer, what.Rule
	if err := p.deps.Failed.Keep(ctx, d); err != nil {
		p.deps.Log.Warn().Err(err).Str("source", d.Source).Msg("a delivery cannot be kept")
		p.refuse(w, r, problem{Status: http.StatusServiceUnavailable, after: retryAfter, Detail: "it cannot be stored now; send it again later"})
		return
	}
	p.refuse(w, r, problemOf([]fault{what}))
}
