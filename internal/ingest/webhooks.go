package ingest

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest/mapping"
)

// Verifier checks the signature of a delivery.
type Verifier interface {
	// Verify returns the id of the delivery, which may be empty.
	Verify(header http.Header, body []byte) (id string, err error)
}

// Mapper makes an event from the payload of a delivery.
type Mapper interface {
	// Map returns mapping.ErrIgnored for payloads without an event for Usher.
	Map(deliveryID string, header http.Header, body []byte) (events.Event, error)
}

// Webhook is one sender of signed deliveries.
type Webhook struct {
	Verifier Verifier
	Mapper   Mapper
	MaxBody  int64 // bytes of a delivery; zero: Config.MaxBody
	Channel  events.Channel
	Refuse   bool // answer 422 to a delivery that cannot become an event
}

func (h Webhook) known() bool { return h.Verifier != nil }

// postWebhook verifies, maps and stores one signed delivery.
func (p *endpoint) postWebhook(w http.ResponseWriter, r *http.Request, name string) {
	begun := time.Now()
	if !p.withinLimit(w, r, p.unsigned, p.address(r)) {
		return
	}
	hook := p.config.Webhooks[name]
	in, ok := p.receive(w, r, charge{budget: p.unproven, sender: p.address(r)}, cmp.Or(hook.MaxBody, p.config.MaxBody))
	if !ok {
		return
	}
	defer in.free()
	body := in.body
	id, err := hook.Verifier.Verify(r.Header, body)
	if err != nil {
		p.refuse(w, r, problem{Status: http.StatusUnauthorized, Detail: err.Error()})
		return
	}
	if !p.withinLimit(w, r, p.limits, "webhook "+name) || !p.prove(w, r, in, "webhook "+name) {
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
	p.store(w, r, sending{begun: begun, sender: "webhook " + name, channel: hook.Channel}, []events.Event{e})
}

// keep stores a delivery that cannot become an event. A person can then correct the mapping and
// send the delivery again. The answer is 202 with a warning, since senders disable an endpoint
// after some errors; with Webhook.Refuse the answer is 422.
func (p *endpoint) keep(w http.ResponseWriter, r *http.Request, d Delivery, cause error) {
	ctx, cancel := context.WithTimeout(r.Context(), p.config.StoreTime)
	defer cancel()
	f := fault{Rule: "mapping", Detail: d.Problem, status: http.StatusUnprocessableEntity}
	if invalid, ok := errors.AsType[*events.InvalidError](cause); ok {
		f = faultOf(0, "", invalid, http.StatusUnprocessableEntity)
	}
	d.Pointer = f.Pointer
	d.Rule = f.Rule
	if err := p.deps.Failed.Keep(ctx, d); err != nil {
		p.deps.Log.Warn().Err(err).Str("source", d.Source).Msg("store rejected delivery")
		p.refuse(w, r, problem{Status: http.StatusServiceUnavailable, after: retryAfter, Detail: "the delivery cannot be stored now; send the delivery again later"})
		return
	}
	if p.config.Webhooks[d.Source].Refuse {
		p.refuse(w, r, problemOf([]fault{f}))
		return
	}
	writeJSON(w, "application/json", http.StatusAccepted, accepted{
		Accepted: []string{}, Warnings: []warning{{ID: d.ID, Detail: "kept as a dead letter: " + f.Pointer + " " + f.Rule + ": " + f.Detail}},
	})
}
