package ingest

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
)

// problem is an error answer by RFC 9457. No member contains a value of the request.
type problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Errors []fault `json:"errors,omitempty"` // all faulty events of a batch

	after time.Duration // Retry-After
}

// fault describes the problem of one event.
type fault struct {
	Index   int    `json:"index"`        // in the batch, from 0
	ID      string `json:"id,omitempty"` // id of the event, if readable
	Pointer string `json:"pointer"`      // a JSON pointer into the event, or the name of a header
	Rule    string `json:"rule"`         // the broken rule
	Detail  string `json:"detail"`       // for people: how to correct the event
	status  int    // of the answer for this event alone
}

// maxID limits the bytes of an event's id in an answer.
const maxID = 256

// faultOf returns the fault of one invalid event.
func faultOf(index int, id string, err *events.InvalidError, status int) fault {
	id = strings.ToValidUTF8(id[:min(len(id), maxID)], "")
	return fault{Index: index, ID: id, Pointer: err.Pointer, Rule: err.Rule, Detail: err.Detail, status: status}
}

// tooLarge lists the rules answered with 413.
var tooLarge = []string{events.RuleSize, events.RuleBatchSize}

// malformed returns the status for an invalid CloudEvent.
func malformed(err *events.InvalidError) int {
	if slices.Contains(tooLarge, err.Rule) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// problemOf returns one error answer for all faults. The status is the first fault's, so one
// event and a batch of one get the same status.
func problemOf(faults []fault) problem {
	p := problem{Status: faults[0].status, Errors: faults, Detail: faults[0].Detail}
	if len(faults) > 1 {
		p.Detail = strconv.Itoa(len(faults)) + " events are invalid; no event of the batch was stored"
	}
	return p
}

// noEvent is the detail for a request without any sign of an event.
const noEvent = "the request is no CloudEvent: send Content-Type: " + events.ContentType + ", or " +
	events.BatchContentType + " for an array, or the attributes in ce- headers with the media type of the data"

// readProblem returns the answer to an error of reading events from a request.
func readProblem(err error) problem {
	batch, isBatch := errors.AsType[*events.BatchError](err)
	one, isOne := errors.AsType[*events.InvalidError](err)
	switch {
	case errors.Is(err, events.ErrMediaType):
		return problem{Status: http.StatusUnsupportedMediaType, Detail: err.Error()}
	case isBatch:
		var faults []fault
		for _, f := range batch.Faults {
			faults = append(faults, faultOf(f.Index, f.ID, f.Err, malformed(f.Err)))
		}
		return problemOf(faults)
	case isOne:
		f := faultOf(0, "", one, malformed(one))
		if f.Rule == events.RuleMode { // over HTTP the headers choose the mode
			f.Detail = noEvent
		}
		return problemOf([]fault{f})
	default:
		return problem{Status: http.StatusBadRequest, Detail: "the request cannot be parsed; send a CloudEvent"}
	}
}

// refuse answers with a problem and logs the problem without the query, which may hold a token. The line
// is for debugging: strangers would fill the log. A fault of this side has a line of its own.
func (p *endpoint) refuse(w http.ResponseWriter, r *http.Request, answer problem) {
	p.deps.Log.Debug().Str("method", r.Method).Str("path", r.URL.Path).Int("status", answer.Status).Str("why", answer.Detail).Msg("request rejected")
	p.answer(w, answer)
}

func (p *endpoint) answer(w http.ResponseWriter, answer problem) {
	if answer.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(answer.after.Seconds()))))
	}
	answer.Type = "about:blank"
	answer.Title = http.StatusText(answer.Status)
	writeJSON(w, "application/problem+json", answer.Status, answer)
}

func writeJSON(w http.ResponseWriter, mediaType string, status int, value any) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // an error means a closed connection
}

func allowed(by map[string]http.HandlerFunc) []string {
	methods := slices.Collect(maps.Keys(by))
	if by[http.MethodGet] != nil {
		methods = append(methods, http.MethodHead)
	}
	slices.Sort(methods)
	return methods
}
