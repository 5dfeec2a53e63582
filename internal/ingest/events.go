package ingest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
)

// retryAfter is what a sender is told to wait while events cannot be stored.
const retryAfter = 5 * time.Second

// accepted is the answer to events that were taken.
type accepted struct {
	Accepted []string `json:"accepted"` // their ids, in the order in which they came
}

// postEvents takes the events of a request, all or none.
func (p *endpoint) postEvents(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	client, ok := p.who(w, r)
	if !ok || !p.fromAllowedOrigin(w, r) {
		return
	}
	body, ok := p.body(w, r)
	if !ok {
		return
	}
	list, _, err := events.FromHTTP(r.Header, body)
	if err != nil {
		p.refuse(w, r, unread(err))
		return
	}
	if faults := p.judge(client, list); len(faults) > 0 {
		p.refuse(w, r, problemOf(faults))
		return
	}
	p.store(w, r, begun, list)
}

// judge returns what is wrong with events that are CloudEvents: 403 where the
// client may not send them, 422 where they break the schema of their type.
func (p *endpoint) judge(client Client, list []events.Event) (faults []fault) {
	for i, e := range list {
		err := p.deps.Validate(e)
		invalid, broken := errors.AsType[*events.InvalidError](err)
		switch {
		case client.may(e) != nil:
			faults = append(faults, faultOf(i, e.ID(), client.may(e), http.StatusForbidden))
		case broken:
			faults = append(faults, faultOf(i, e.ID(), invalid, http.StatusUnprocessableEntity))
		case err != nil:
			faults = append(faults, fault{Index: i, ID: e.ID(), Detail: "it cannot be checked", status: http.StatusUnprocessableEntity})
		}
	}
	return faults
}

// store stores the events of a request that came at begun, and answers 202 once
// all are stored.
func (p *endpoint) store(w http.ResponseWriter, r *http.Request, begun time.Time, list []events.Event) {
	ctx, cancel := context.WithTimeout(r.Context(), p.config.StoreTime)
	defer cancel()
	w, spans := p.traced(w, r, begun, list)
	defer spans.end()
	err := p.deps.Stream.Store(ctx, list)
	invalid, large := errors.AsType[*events.InvalidError](err)
	switch {
	case large: // it grew too large as it was written
		p.refuse(w, r, problemOf([]fault{faultOf(0, "", invalid, malformed(invalid))}))
	case errors.Is(err, bus.ErrTooLarge):
		p.refuse(w, r, problem{Status: http.StatusRequestEntityTooLarge, Detail: err.Error()})
	case err != nil:
		p.deps.Log.Warn().Err(err).Msg("events cannot be stored")
		p.refuse(w, r, problem{
			Status: http.StatusServiceUnavailable, after: retryAfter,
			Detail: "not everything is stored; send all of it again later: what is stored is taken once",
		})
	default:
		took := accepted{Accepted: make([]string, 0, len(list))}
		for _, e := range list {
			took.Accepted = append(took.Accepted, e.ID())
		}
		writeJSON(w, "application/json", http.StatusAccepted, took)
	}
}

// maxRoom is the most bytes that a sender gets for a body before they have come.
const maxRoom = 64 << 10

// body reads the whole body. Where it returns false, it has answered.
func (p *endpoint) body(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		p.refuse(w, r, problem{Status: http.StatusUnsupportedMediaType, Detail: "the body must not be compressed"})
		return nil, false
	}
	limit := p.config.MaxBody
	if most := p.deps.Stream.MaxMessage(); most > 0 {
		limit = min(limit, most)
	}
	room := min(max(r.ContentLength, 0), maxRoom) + bytes.MinRead // the last read finds the end
	body := bytes.NewBuffer(make([]byte, 0, room))
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	_, large := errors.AsType[*http.MaxBytesError](err)
	switch {
	case large:
		p.refuse(w, r, problem{Status: http.StatusRequestEntityTooLarge, Detail: "the body is too large; send smaller batches"})
	case err != nil:
		p.refuse(w, r, problem{Status: http.StatusBadRequest, Detail: "the body did not come to its end"})
	}
	return body.Bytes(), err == nil
}
