package meiro

import (
	"context"
	"net/http"
	"time"

	"github.com/usherhq/usher/vendors"
)

// Event is an event about a customer, for the collect endpoint of Meiro Pipes
// (https://meiro.io/product/architecture). Pipes drops an event with a known type, time and
// identifiers, with the response of a new event. Each source runs a transform() over its
// events; these field names are those of Pipes' internal form, for a transform() that changes
// nothing.
type Event struct {
	Type        string            // event_type
	At          time.Time         // event_time: sent in UTC with milliseconds, such as 2026-03-01T09:00:00.000Z
	Identifiers map[string]string // identifiers: the customer, such as user_id and email
	Payload     map[string]any    // event_payload
}

// collected is the JSON form of an Event.
type collected struct {
	Type        string            `json:"event_type"`
	At          string            `json:"event_time"`
	Identifiers map[string]string `json:"identifiers"`
	Payload     map[string]any    `json:"event_payload"`
}

const eventTime = "2006-01-02T15:04:05.000Z07:00"

// Collect is POST to the collect URL, without credentials. 2xx is success, for new events and
// repeats. An event against the schema of the source is 4xx. An identical event may be sent
// again.
func (a *API) Collect(ctx context.Context, e Event) error {
	body := collected{Type: e.Type, At: e.At.UTC().Format(eventTime), Identifiers: e.Identifiers, Payload: e.Payload}
	if body.Payload == nil {
		body.Payload = map[string]any{}
	}
	return a.collect.Do(ctx, vendors.Call{Op: "collect " + opOf(e.Type), Method: http.MethodPost, JSON: body, Repeatable: true, Deduplicated: true})
}

// CollectNothing posts an empty object to the collect URL, to test the source: the source
// rejects an event without type and time.
func (a *API) CollectNothing(ctx context.Context) error {
	return a.collect.Do(ctx, vendors.Call{Op: "check collect URL", Method: http.MethodPost, JSON: struct{}{}, Repeatable: true})
}

// opOf returns the name of a call for errors. The name of an activity is the producer's and may
// contain anything, so only our own types are named.
func opOf(eventType string) string {
	switch eventType {
	case typeCreated, typeUpdated, typeDeleted, typeRestored, typeEnrollment, typeCancellation:
		return eventType
	default:
		return "activity"
	}
}

// classifyCollect makes a collect URL that leads nowhere a fault of the configuration, not of
// the event.
func classifyCollect(status int, _ []byte) (vendors.Class, bool) {
	if status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusGone {
		return vendors.Unusable, true
	}
	return vendors.Again, false
}
