package ingest

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/internal/ingest/sns"
)

// Verifier checks the signature of a delivery.
type Verifier interface {
	// Verify returns the id of the delivery, which may be empty.
	Verify(header http.Header, body []byte) (id string, err error)
}

// Mapper makes events from the payload of a delivery.
type Mapper interface {
	// Map returns no outcomes for payloads without an event for Usher. An error is about the
	// whole delivery.
	Map(deliveryID string, header http.Header, body []byte) ([]mapping.Outcome, error)
}

// Webhook is one sender of signed deliveries.
type Webhook struct {
	Verifier Verifier
	Mapper   Mapper
	MaxBody  int64 // bytes of a delivery; zero: Config.MaxBody
	Channel  events.Channel
	Refuse   bool // answer 422 to a delivery that cannot become an event
	// Challenges are the checks of the endpoint that the sender may make.
	Challenges []Challenge
	// Digest returns the HMAC-SHA256 of a text by the secret, in hex; for Zoom only.
	Digest func(text string) string
	// Signed returns an error unless the body itself carries a signature, in addition to the secret;
	// nil: no such signature. The call may ask a server of the sender's.
	Signed func(ctx context.Context, body []byte) error
}

func (h Webhook) known() bool { return h.Verifier != nil }

// Results of deliveries, for metrics.
const (
	DeliveryStored   = "stored"   // at least one event, and no fault
	DeliveryIgnored  = "ignored"  // no event for Usher
	DeliveryKept     = "kept"     // a dead letter, perhaps beside stored events
	DeliveryUnsigned = "unsigned" // signature missing, wrong or too old
	DeliveryUnstored = "unstored" // NATS did not store the delivery
	// DeliveryChallenge is a check of the endpoint, not a delivery.
	DeliveryChallenge = "challenge"
)

// delivered counts a delivery.
func (p *endpoint) delivered(name, result string) {
	if p.deps.Delivered != nil {
		p.deps.Delivered(name, result)
	}
}

// webhookMethods returns the handlers of the path of a sender.
func (p *endpoint) webhookMethods(name string) map[string]http.HandlerFunc {
	by := map[string]http.HandlerFunc{http.MethodPost: func(w http.ResponseWriter, r *http.Request) { p.postWebhook(w, r, name) }}
	if p.config.Webhooks[name].answersGet() {
		by[http.MethodGet] = func(w http.ResponseWriter, r *http.Request) { p.getWebhook(w, r, name) }
	}
	return by
}

// postWebhook verifies, maps and stores one signed delivery.
func (p *endpoint) postWebhook(w http.ResponseWriter, r *http.Request, name string) {
	begun := time.Now()
	if !p.withinLimit(w, r, p.unsigned, p.address(r)) {
		return
	}
	hook := p.config.Webhooks[name]
	limit := cmp.Or(hook.MaxBody, p.config.MaxBody)
	in, ok := p.receive(w, r, charge{budget: p.unproven, sender: p.address(r)}, limit)
	if !ok {
		return
	}
	defer in.free()
	body := in.body
	id, err := hook.Verifier.Verify(r.Header, body)
	if err != nil && p.unsignedCheck(w, r, name, body) {
		return
	}
	if err != nil {
		p.delivered(name, DeliveryUnsigned)
		p.refuse(w, r, problem{Status: http.StatusUnauthorized, Detail: err.Error()})
		return
	}
	if !p.withinLimit(w, r, p.limits, "webhook "+name) || !p.prove(w, r, in, "webhook "+name) {
		return
	}
	header, body, ok := p.plainBody(w, r, in, limit)
	if !ok || !p.signed(w, r, name, body) || p.signedCheck(w, r, name, body) {
		return
	}
	got := p.mapped(name, id, header, body)
	if len(got.faults) > 0 && !p.keep(w, r, &got) {
		p.delivered(name, DeliveryUnstored)
		return
	}
	p.finish(w, r, begun, got)
}

// signed reports whether the body carries its own signature, if the sender must sign so. Otherwise the
// request is answered.
func (p *endpoint) signed(w http.ResponseWriter, r *http.Request, name string, body []byte) bool {
	check := p.config.Webhooks[name].Signed
	if check == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(r.Context(), p.config.StoreTime)
	defer cancel()
	err := check(ctx, body)
	switch {
	case err == nil:
		return true
	case errors.Is(err, sns.ErrCertificate):
		p.delivered(name, DeliveryUnstored)
		p.deps.Log.Warn().Err(err).Str("source", name).Msg("a delivery cannot be verified")
		p.refuse(w, r, problem{Status: http.StatusServiceUnavailable, after: retryAfter, Detail: "the delivery cannot be verified now; send the delivery again later"})
	default:
		p.delivered(name, DeliveryUnsigned)
		p.refuse(w, r, problem{Status: http.StatusUnauthorized, Detail: err.Error()})
	}
	return false
}

// finish stores the events of a delivery, and answers.
func (p *endpoint) finish(w http.ResponseWriter, r *http.Request, begun time.Time, got mappedDelivery) {
	result := DeliveryStored
	switch {
	case len(got.faults) > 0:
		result = DeliveryKept
	case len(got.events) == 0:
		result = DeliveryIgnored
		got.warnings = append(got.warnings, warning{ID: got.delivery.ID, Detail: "ignored: the types in the mapping of this sender do not have the type of the delivery"})
	}
	hook := p.config.Webhooks[got.delivery.Source]
	refusal := got.refusal(hook)
	recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
	p.store(recorder, r, arrival{
		begun: begun, sender: "webhook " + got.delivery.Source, channel: hook.Channel,
		events: got.events, warnings: got.warnings, refusal: refusal,
	})
	if recorder.status >= http.StatusBadRequest && refusal == nil {
		result = DeliveryUnstored
	}
	p.delivered(got.delivery.Source, result)
}
