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

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
)

// problem is an error response in the form of RFC 9457, without values of the request.
type problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Errors []fault `json:"errors,omitempty"` // every invalid event of a batch

	after time.Duration // Retry-After
}

// fault is the fault of one event.
type fault struct {
	Index   int    `json:"index"`        // in the batch, from 0
	ID      string `json:"id,omitempty"` // of the event, if readable
	Pointer string `json:"pointer"`      // JSON pointer into the event, or name of a header
	Rule    string `json:"rule"`         // the broken rule
	Detail  string `json:"detail"`       // the correction
	status  int    // HTTP status for this fault
}

// maxID is the number of bytes of an event id in a response.
const maxID = 256

// faultOf returns the fault of one invalid event.
func faultOf(index int, id string, err *events.InvalidError, status int) fault {
	id = strings.ToValidUTF8(id[:min(len(id), maxID)], "")
	return fault{Index: index, ID: id, Pointer: err.Pointer, Rule: err.Rule, Detail: err.Detail, status: status}
}

// tooLarge are the rules with status 413.
var tooLarge = []string{events.RuleSize, events.RuleBatchSize}

// malformed returns the status of an event that is no CloudEvent.
func malformed(err *events.InvalidError) int {
	if slices.Contains(tooLarge, err.Rule) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// problemOf returns the response for all faults. The status is the first fault's, so a single
// event and a batch of one have the same status.
func problemOf(faults []fault) problem {
	p := problem{Status: faults[0].status, Errors: faults, Detail: faults[0].Detail}
	if len(faults) > 1 {
		p.Detail = strconv.Itoa(len(faults)) + " events are invalid, and no event of the batch was accepted"
	}
	return p
}

// noEvent is the detail for a request without any sign of an event.
const noEvent = "Content-Type names no event, and there are no ce- headers: send Content-Type: " + events.ContentType + ", or " +
	events.BatchContentType + " for an array of them, or the attributes in ce- headers with the media type of the data"

// unread returns the response for an error of reading events.
func unread(err error) problem {
	if errors.Is(err, events.ErrMediaType) {
		return problem{Status: http.StatusUnsupportedMediaType, Detail: err.Error()}
	}
	if batch, ok := errors.AsType[*events.BatchError](err); ok {
		var faults []fault
		for _, f := range batch.Faults {
			faults = append(faults, faultOf(f.Index, f.ID, f.Err, malformed(f.Err)))
		}
		return problemOf(faults)
	}
	if one, ok := errors.AsType[*events.InvalidError](err); ok {
		f := faultOf(0, "", one, malformed(one))
		if f.Rule == events.RuleMode { // over HTTP, headers decide whether the body is an event
			f.Detail = noEvent
		}
		return problemOf([]fault{f})
	}
	return problem{Status: http.StatusBadRequest, Detail: "the request cannot be read"}
}

// refuse answers with a problem and logs the path without the query, which may have a token.
func (p *endpoint) refuse(w http.ResponseWriter, r *http.Request, why problem) {
	level := zerolog.DebugLevel
	if why.Status >= http.StatusInternalServerError {
		level = zerolog.WarnLevel
	}
	p.deps.Log.WithLevel(level).Str("method", r.Method).Str("path", r.URL.Path).Int("status", why.Status).Str("why", why.Detail).Msg("refused")
	p.answer(w, why)
}

func (p *endpoint) answer(w http.ResponseWriter, why problem) {
	if why.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(why.after.Seconds()))))
	}
	why.Type, why.Title = "about:blank", http.StatusText(why.Status)
	writeJSON(w, "application/problem+json", why.Status, why)
}

func writeJSON(w http.ResponseWriter, mediaType string, status int, value any) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the client has gone
}

func allowed(by map[string]http.HandlerFunc) []string {
	return slices.Sorted(maps.Keys(by))
}
