package events

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// How an effect, that is one event at one vendor, ended.
const (
	Done        = "done"         // the vendor did it
	AlreadyDone = "already_done" // it was so before
	Superseded  = "superseded"   // a newer event made it void, or its time was up
	Unsupported = "unsupported"  // the vendor cannot do it
	Failed      = "failed"       // for good; it is among the dead letters
)

// Result is the data of a result event.
type Result struct {
	Vendor    string       `json:"vendor"`
	Outcome   string       `json:"outcome"` // Done, AlreadyDone, Superseded, Unsupported or Failed
	AccountID string       `json:"account_id,omitempty"`
	Attempts  int          `json:"attempts"`
	TookMS    int64        `json:"took_ms"`
	Event     EventRef     `json:"event"`
	Error     *ResultError `json:"error,omitempty"` // where the outcome is Failed
}

// EventRef names the event that a result tells of. ID and Source are empty
// where the message could not be read.
type EventRef struct {
	ID     string    `json:"id,omitempty"`
	Source string    `json:"source,omitempty"`
	Type   string    `json:"type"`
	Time   time.Time `json:"time,omitzero"`
}

// ResultError says why an effect failed.
type ResultError struct {
	Class   string `json:"class"`
	Status  int    `json:"status,omitempty"` // the vendor's HTTP status, where one came
	Message string `json:"message"`
}

// ResultSubject returns the NATS subject that a vendor's results are published on.
func ResultSubject(resultType, vendor string) string {
	return resultType + "." + vendor
}

// ResultID returns the id of the result of an event at a vendor after a number
// of replays by a person: 32 hex digits that depend on nothing else.
func ResultID(eventKey, vendor string, replay int) string {
	return hash(eventKey, vendor, strconv.Itoa(replay))
}

// resultSchema is the dataschema of results.
var resultSchema = *types.ParseURI(SchemaID(ResultSchema))

// ResultOf is what NewResult makes a result event from.
type ResultOf struct {
	Request     Event     // the event that was asked; the zero Event where the message could not be read
	RequestType string    // the type that names the result; empty: the request's
	UserID      string    // the result's subject; empty: the user_id of the request's data
	Key         string    // the request's key, or what stands for it where it could not be read
	Replay      int       // how many times a person replayed it
	Source      string    // the result's source, as in /usher
	At          time.Time // the result's time: when the outcome was written down
	Result      Result    // its Event is filled in from Request
}

// NewResult returns the event that tells what came of a request. The same
// arguments give an event that ToNATS writes as the same bytes.
func NewResult(of ResultOf) (Event, error) {
	if of.RequestType == "" {
		of.RequestType = of.Request.Type()
	}
	r := of.Result
	r.Event = EventRef{ID: of.Request.ID(), Source: of.Request.Source(), Type: of.Request.Type(), Time: of.Request.Time().UTC()}
	if r.Event.Type == "" {
		r.Event.Type = of.RequestType
	}
	data, err := json.Marshal(r)
	if err != nil {
		return Event{}, err
	}
	schema := resultSchema
	c := &event.EventContextV1{
		ID:         ResultID(of.Key, r.Vendor, of.Replay),
		Type:       ResultType(of.RequestType, r.Outcome),
		Subject:    subjectOf(of),
		Time:       &types.Timestamp{Time: of.At.UTC()},
		DataSchema: &schema,
		Extensions: originOf(of.Request),
	}
	c.Source.Opaque = of.Source
	contentType := "application/json"
	c.DataContentType = &contentType
	return Event{Context: c, DataEncoded: data}, nil
}

// subjectOf returns the user's id, or nil where none is known that may stand in
// an attribute.
func subjectOf(of ResultOf) *string {
	id := of.UserID
	if id == "" {
		id = UserID(of.Request)
	}
	if blank(id) || !plain(id) || len(id) > MaxAttribute {
		return nil
	}
	return &id
}

// originOf returns the extensions that tie a result to its request: the request
// is its cause, and the correlation and the trace are the request's. A request
// without a correlation starts one.
func originOf(request Event) map[string]any {
	if request.ID() == "" {
		return nil
	}
	ext := map[string]any{"causationid": request.ID(), "correlationid": request.ID()}
	for _, name := range []string{"correlationid", "traceparent", "tracestate"} {
		if s := Extension(request, name); s != "" {
			ext[name] = s
		}
	}
	return ext
}
