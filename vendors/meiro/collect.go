package meiro

import (
	"context"
	"net/http"
	"time"

	"github.com/usherhq/usher/vendors"
)

// Event is a fact about a customer, for the collect endpoint of Meiro Pipes
// (https://meiro.io/product/architecture). Pipes drops an event whose type,
// time and identifiers it has seen, and answers as if it had taken it. What
// arrives goes through the source's own transform(): these field names are those
// of Pipes' internal form, which transform() may pass on as they are.
type Event struct {
	Type        string            // event_type
	At          time.Time         // event_time: sent in UTC with milliseconds, such as 2026-03-01T09:00:00.000Z
	Identifiers map[string]string // identifiers: who it was, such as user_id and email
	Payload     map[string]any    // event_payload
}

// collected is an Event as it goes over the wire.
type collected struct {
	Type        string            `json:"event_type"`
	At          string            `json:"event_time"`
	Identifiers map[string]string `json:"identifiers"`
	Payload     map[string]any    `json:"event_payload"`
}

const eventTime = "2006-01-02T15:04:05.000Z07:00"

// Collect is POST to the collect URL, without credentials. Any 2xx is a yes,
// whether the event is new or a duplicate; what a source's schema refuses is
// 4xx. The same event may be sent again at will, byte for byte the same.
func (a *API) Collect(ctx context.Context, e Event) error {
	body := collected{Type: e.Type, At: e.At.UTC().Format(eventTime), Identifiers: e.Identifiers, Payload: e.Payload}
	if body.Payload == nil {
		body.Payload = map[string]any{}
	}
	return a.collect.Do(ctx, vendors.Call{Op: "collect " + opOf(e.Type), Method: http.MethodPost, JSON: body, Repeatable: true, Deduplicated: true})
}

// CollectNothing posts an empty object to the collect URL, to see whether the
// source is there: a source refuses it, since an event has a type and a time.
func (a *API) CollectNothing(ctx context.Context) error {
	return a.collect.Do(ctx, vendors.Call{Op: "check collect URL", Method: http.MethodPost, JSON: struct{}{}, Repeatable: true})
}

// opOf names a call in errors. The name of an activity is the producer's, and
// may hold anything, so that only our own types are named.
func opOf(eventType string) string {
	switch eventType {
	case typeCreated, typeUpdated, typeDeleted, typeRestored, typeEnrollment, typeCancellation:
		return eventType
	default:
		return "activity"
	}
}

// classifyCollect takes a collect URL that leads nowhere for a fault of the
// configuration, not of the event.
func classifyCollect(status int, _ []byte) (vendors.Class, bool) {
	if status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusGone {
		return vendors.Unusable, true
	}
	return vendors.Again, false
}
