package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// mappedDelivery holds the events of a delivery, and the faults of those parts of the delivery
// that cannot become an event.
type mappedDelivery struct {
	delivery Delivery
	events   []events.Event
	faults   []fault
	warnings []warning
	digest   bool // the delivery is too large for a dead letter, which has the digest
}

// mapped maps a delivery and validates the events.
func (p *endpoint) mapped(name, id string, header http.Header, body []byte) mappedDelivery {
	got := mappedDelivery{delivery: Delivery{Source: name, ID: id, Header: header, Body: body, At: time.Now()}}
	list, err := p.config.Webhooks[name].Mapper.Map(id, header, body)
	if err != nil {
		got.add(0, err)
	}
	var places []string
	for i, o := range list {
		err := o.Err
		if err == nil {
			err = p.deps.Validate(o.Event)
		}
		if err == nil {
			got.events = append(got.events, o.Event)
			continue
		}
		got.add(i, err)
		places = append(places, o.Place)
	}
	if len(got.events) > 0 { // a replay must not repeat the events that are stored now
		got.delivery.Places = places
	}
	return got
}

// add adds the fault of an event. The first fault is the problem of the delivery.
func (d *mappedDelivery) add(index int, err error) {
	f := mappingFault(index, "", err)
	d.faults = append(d.faults, f)
	if len(d.faults) == 1 {
		d.delivery.Problem, d.delivery.Pointer, d.delivery.Rule = err.Error(), f.Pointer, f.Rule
	}
}

// keep stores a delivery with faults. A person can then correct the mapping and replay the
// delivery. Reports false after answering that the delivery cannot be stored now, or that the rest of the room is for others.
func (p *endpoint) keep(w http.ResponseWriter, r *http.Request, got *mappedDelivery) bool {
	sender := "webhook " + got.delivery.Source
	if !p.mayKeep(w, r, sender) {
		return false
	}
	ctx, cancel := context.WithTimeout(r.Context(), p.config.StoreTime)
	defer cancel()
	if len(got.delivery.Places) > 0 {
		got.delivery.Problem = fmt.Sprintf("%d of %d events of the delivery, first %s: %s",
			len(got.faults), len(got.faults)+len(got.events), got.delivery.Places[0], got.delivery.Problem)
	}
	err := p.deps.Failed.Keep(ctx, got.delivery)
	if got.digest = errors.Is(err, streams.ErrDigestKept); got.digest {
		p.deadReserve.Add(sender, leastLetter)
		p.deps.Log.Warn().Str("source", got.delivery.Source).Int("bytes", len(got.delivery.Body)).Msg("a delivery cannot become an event, and is too large to be kept: a dead letter has its digest")
		return true
	}
	if err != nil {
		p.deps.Log.Warn().Err(err).Str("source", got.delivery.Source).Msg("store rejected delivery")
		p.refuse(w, r, problem{Status: http.StatusServiceUnavailable, after: retryAfter, Detail: "the delivery cannot be stored now; send the delivery again later"})
		return false
	}
	p.deadReserve.Add(sender, letterSize(got.delivery))
	for _, f := range got.faults[:min(len(got.faults), maxWarnings)] {
		got.warnings = append(got.warnings, warning{Index: f.Index, ID: got.delivery.ID, Detail: "kept as a dead letter: " + f.Pointer + " " + f.Rule + ": " + f.Detail})
	}
	return true
}

// refusal returns the answer 422 to a delivery with faults, if the sender wants such an answer.
// Other senders disable an endpoint after some errors, and get 202 with warnings. A delivery
// without its payload in the dead letter gets 413: no replay is possible.
func (d *mappedDelivery) refusal(hook Webhook) *problem {
	if d.digest {
		return &problem{
			Status: http.StatusRequestEntityTooLarge,
			Detail: fmt.Sprintf("%d of %d events of the delivery are at fault (%s), and the delivery is too large to be kept for a replay; the others are stored", len(d.faults), len(d.faults)+len(d.events), d.faults[0].Detail),
		}
	}
	if !hook.Refuse || len(d.faults) == 0 {
		return nil
	}
	answer := problemOf(d.faults)
	if len(d.events) > 0 {
		answer.Detail = "the events listed here are kept as a dead letter; the other events of the delivery are stored"
	} else if len(d.faults) > 1 {
		answer.Detail = "no event of the delivery is valid; the delivery is kept as a dead letter"
	}
	return &answer
}
