package ingest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// retryAfter is sent to senders while events cannot be stored.
const retryAfter = 5 * time.Second

// accepted is the answer to stored events.
type accepted struct {
	Accepted []string  `json:"accepted"` // ids of the events, in the order of the request
	Warnings []warning `json:"warnings,omitempty"`
}

// warning is a remark about one stored event.
type warning struct {
	Index  int    `json:"index"` // in the request, from 0
	ID     string `json:"id"`
	Detail string `json:"detail"`
}

// maxWarnings limits the warnings in one answer.
const maxWarnings = 100

// warnings returns remarks about the events of a request.
func (p *endpoint) warnings(a arrival) (all []warning) {
	all = a.warnings
	if p.deps.Warn == nil {
		return all
	}
	for i, e := range a.events {
		for _, text := range p.deps.Warn(e) {
			if len(all) < maxWarnings {
				all = append(all, warning{Index: a.place(i), ID: e.ID(), Detail: text})
			}
		}
	}
	return all
}

// postEvents stores all events of a request, or none.
func (p *endpoint) postEvents(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	client, ok := p.authenticate(w, r)
	if !ok || !p.fromAllowedOrigin(w, r) {
		return
	}
	in, ok := p.receive(w, r, charge{budget: p.proven, sender: client.Name}, p.config.MaxBody)
	if !ok {
		return
	}
	defer in.free()
	if !p.prove(w, r, in, client.Name) {
		return
	}
	if !p.withinQuota(w, r, client.Name, client.Quota.bytes(len(in.body))) {
		return
	}
	list, _, err := p.config.Reader.FromHTTP(r.Header, in.body)
	if err != nil {
		p.refuse(w, r, readProblem(err))
		return
	}
	a, faults := p.translate(list)
	a.begun, a.sender, a.channel = begun, client.Name, client.Channel
	if len(faults) == 0 {
		faults = p.validate(client, a)
	}
	if len(faults) > 0 {
		p.refuse(w, r, problemOf(faults))
		return
	}
	if !p.withinQuota(w, r, client.Name, client.Quota.events(len(a.events))) {
		return
	}
	p.store(w, r, a)
}

// validate returns the faults of well-formed CloudEvents: 403 if the client may not send the
// event, 422 if the event breaks the schema of the type.
func (p *endpoint) validate(client Client, a arrival) (faults []fault) {
	for i, e := range a.events {
		i = a.place(i)
		err := p.deps.Validate(e)
		forbidden := client.may(e)
		if err == nil && forbidden == nil {
			continue
		}
		invalid, isInvalid := errors.AsType[*events.InvalidError](err)
		switch {
		case forbidden != nil:
			faults = append(faults, faultOf(i, e.ID(), forbidden, http.StatusForbidden))
		case isInvalid:
			faults = append(faults, faultOf(i, e.ID(), invalid, http.StatusUnprocessableEntity))
		default:
			faults = append(faults, fault{Index: i, ID: e.ID(), Detail: "the event cannot be validated", status: http.StatusUnprocessableEntity})
		}
	}
	return faults
}

// store stores the events of a request, and answers 202 once all are stored.
func (p *endpoint) store(w http.ResponseWriter, r *http.Request, a arrival) {
	ctx, cancel := context.WithTimeout(r.Context(), p.config.StoreTime)
	defer cancel()
	list := a.events
	var err error
	if len(list) > 0 {
		if !p.mayStore(w, r, a.sender) {
			return
		}
		var spans *requestSpans
		w, spans = p.traced(w, r, a.begun, list)
		defer spans.end()
		if err = p.deps.Stream.StoreFrom(ctx, a.channel, list); err == nil {
			p.reserve.Add(a.sender, sizeOf(list))
		}
	}
	invalid, isInvalid := errors.AsType[*events.InvalidError](err)
	var reused *streams.ReusedIDError
	switch {
	case isInvalid: // the encoded event exceeds the limit
		p.refuse(w, r, problemOf([]fault{faultOf(0, "", invalid, malformed(invalid))}))
	case errors.As(err, &reused):
		if p.deps.Reused != nil {
			p.deps.Reused(a.sender, len(reused.Index))
		}
		p.refuse(w, r, reusedProblem(reused, a))
	case errors.Is(err, streams.ErrTooLarge):
		p.refuse(w, r, problem{Status: http.StatusRequestEntityTooLarge, Detail: err.Error()})
	case err != nil:
		p.deps.Log.Warn().Err(err).Msg("store events")
		p.refuse(w, r, problem{
			Status: http.StatusServiceUnavailable, after: retryAfter,
			Detail: "not all events are stored; send the whole request again later: stored events are recognized",
		})
	case a.refusal != nil:
		p.refuse(w, r, *a.refusal)
	default:
		took := accepted{Accepted: make([]string, 0, len(list)), Warnings: p.warnings(a)}
		for _, e := range list {
			took.Accepted = append(took.Accepted, e.ID())
		}
		writeJSON(w, "application/json", http.StatusAccepted, took)
	}
}

// reusedFault is the fault of an event with the source and id of a stored event.
var reusedFault = events.InvalidError{
	Pointer: "/id", Rule: events.RuleIDOnce,
	Detail: "a stored event has this source and id, and other content: give every event an id of its own",
}

// reusedProblem returns the answer 409 to events with the source and id of other events.
func reusedProblem(reused *streams.ReusedIDError, a arrival) problem {
	var faults []fault
	for _, i := range reused.Index {
		faults = append(faults, faultOf(a.place(i), a.events[i].ID(), &reusedFault, http.StatusConflict))
	}
	answer := problemOf(faults)
	if len(a.events) > 1 {
		answer.Detail = "the events listed here have the source and id of other stored events; the rest of the batch is stored"
	}
	return answer
}
