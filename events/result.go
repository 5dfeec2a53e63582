package events

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// The outcomes of an effect, that is, of one event at one vendor.
const (
	Done        = "done"         // the vendor made the change
	AlreadyDone = "already_done" // the vendor had the change before
	Superseded  = "superseded"   // replaced by a newer event, or expired
	Unsupported = "unsupported"  // the vendor has no such call
	Skipped     = "skipped"      // a rule of the team keeps Usher from the change; see Result.Reason
	Failed      = "failed"       // failed for good; there is a dead letter
)

// The steps of Result.Action.
const (
	ActionNone       = "none"    // the vendor had the change already, and nothing was written
	ActionAdopted    = "adopted" // an account from before was found, and nothing was written
	ActionCreated    = "created"
	ActionUpdated    = "updated"
	ActionDeleted    = "deleted"
	ActionRestored   = "restored"
	ActionDisabled   = "disabled"
	ActionEnabled    = "enabled"
	ActionEnrolled   = "enrolled"
	ActionUnenrolled = "unenrolled"
	ActionRecorded   = "recorded" // an activity
)

// The values of Result.MatchedBy.
const (
	MatchedByRecord = "record"  // the record has the vendor's id of the account
	MatchedByEmail  = "email"   // a look-up at the vendor
	MatchedByUserID = "user_id" // the vendor uses our ids
)

// Result is the data of a result event.
type Result struct {
	Vendor    string `json:"vendor"`
	Outcome   string `json:"outcome"` // Done, AlreadyDone, Superseded, Unsupported, Skipped or Failed
	AccountID string `json:"account_id,omitempty"`
	CourseID  string `json:"course_id,omitempty"` // our id of the course, for an event of one course
	// Action is the step that was made, such as ActionCreated. For the outcome Skipped, Action is
	// the change that was not made, such as create. Empty for the other outcomes.
	Action    string       `json:"action,omitempty"`
	MatchedBy string       `json:"matched_by,omitempty"` // how the account was found: MatchedByRecord, MatchedByEmail or MatchedByUserID
	Changed   []string     `json:"changed,omitempty"`    // names of the written fields of the user, never values
	Reason    string       `json:"reason,omitempty"`     // the rule of the team behind the outcome, such as may, shadow, scope or delete_after; older
	Ignored   []string     `json:"ignored,omitempty"`    // members of the event's data that were left out; see Clean
	Attempts  int          `json:"attempts"`
	TookMS    int64        `json:"took_ms"`
	Event     EventRef     `json:"event"`
	Error     *ResultError `json:"error,omitempty"` // for the outcome Failed
}

// Step returns the step in words, such as "created", "adopted by email" or, for a skipped change,
// "may: create"; "" without a step.
func (r Result) Step() string {
	switch {
	case r.Reason != "" && r.Action == "":
		return r.Reason
	case r.Reason != "":
		return r.Reason + ": " + r.Action
	case r.MatchedBy == MatchedByEmail:
		return r.Action + " by email"
	default:
		return r.Action
	}
}

// EventRef identifies the event of a result. ID and Source are empty for an unreadable message.
type EventRef struct {
	ID     string    `json:"id,omitempty"`
	Source string    `json:"source,omitempty"`
	Type   string    `json:"type"`
	Time   time.Time `json:"time,omitzero"`
}

// ResultError is the reason of a failed effect.
type ResultError struct {
	Class   string `json:"class"`
	Status  int    `json:"status,omitempty"` // HTTP status of the vendor, if any
	Message string `json:"message"`
}

// ResultSubject returns the NATS subject of a vendor's results of a type.
func ResultSubject(resultType, vendor string) string {
	return resultType + "." + vendor
}

// ResultID returns the id of the result of an event at a vendor, after a number of replays by a
// person: 32 hex digits, derived from the arguments only.
func ResultID(eventKey, vendor string, replay int) string {
	return hash(eventKey, vendor, strconv.Itoa(replay))
}

// resultSchema is the dataschema of results.
var resultSchema = *types.ParseURI(SchemaID(ResultSchema))

// ResultOf has the arguments of NewResult.
type ResultOf struct {
	Request     Event     // the event; the zero Event for an unreadable message
	RequestType string    // type for ResultType; default: the request's
	UserID      string    // subject of the result; default: user_id of the request's data
	Key         string    // key of the request, or a substitute for an unreadable message
	Replay      int       // number of replays by a person
	Source      string    // source of the result, such as /usher
	At          time.Time // time of the result: when the outcome was stored
	Result      Result    // Event is set from Request
}

// NewResult returns the result event of a request. Equal arguments give equal bytes from
// ToNATS.
func NewResult(of ResultOf) (Event, error) {
	if of.RequestType == "" {
		of.RequestType = of.Request.Type()
	}
	r := of.Result
	r.Event = EventRef{ID: of.Request.ID(), Source: Source(of.Request), Type: of.Request.Type(), Time: of.Request.Time().UTC()}
	if r.Event.Type == "" {
		r.Event.Type = of.RequestType
	}
	data, err := json.Marshal(r)
	if err != nil {
		return Event{}, err
	}
	a := &resultAttributes{contentType: "application/json", schema: resultSchema, at: types.Timestamp{Time: of.At.UTC()}}
	a.context = event.EventContextV1{
		ID:              ResultID(of.Key, r.Vendor, of.Replay),
		Type:            ResultType(of.RequestType, r.Outcome),
		Time:            &a.at,
		DataContentType: &a.contentType,
		DataSchema:      &a.schema,
		Extensions:      originOf(of.Request),
	}
	a.context.Source.Opaque = of.Source
	if id, ok := subjectOf(of); ok {
		a.subject, a.context.Subject = id, &a.subject
	}
	return Event{Context: &a.context, DataEncoded: data}, nil
}

// resultAttributes are the attributes of a result, which the context points to, in one object.
type resultAttributes struct {
	context              event.EventContextV1
	subject, contentType string
	schema               types.URI
	at                   types.Timestamp
}

// subjectOf returns the user id; false if unknown or not allowed in an attribute.
func subjectOf(of ResultOf) (id string, ok bool) {
	id = of.UserID
	if id == "" {
		id = UserID(of.Request)
	}
	return id, !blank(id) && plain(id) && len(id) <= MaxAttribute
}

// originOf returns the extensions that connect a result with its request: the request is the
// cause, correlation and trace are the request's. A request without a correlation id starts a
// correlation.
func originOf(request Event) map[string]any {
	if request.ID() == "" {
		return nil
	}
	var id any = request.ID() // on the heap once
	ext := map[string]any{"causationid": id, "correlationid": id}
	for _, name := range []string{"correlationid", "traceparent", "tracestate"} {
		if s := Extension(request, name); s != "" {
			ext[name] = s
		}
	}
	return ext
}
