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

// problem is a refusal, as RFC 9457 has it. It holds no value of what was sent.
type problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Errors []fault `json:"errors,omitempty"` // of a batch: every event that is at fault

	after time.Duration // Retry-After
}

// fault is what is wrong with one event.
type fault struct {
	Index   int    `json:"index"`        // in the batch, from 0
	ID      string `json:"id,omitempty"` // of the event, where it could be read
	Pointer string `json:"pointer"`      // a JSON pointer into the event, or a header's name
	Rule    string `json:"rule"`         // that is broken
	Detail  string `json:"detail"`       // what to do about it
	status  int    // by which the answer to the whole is chosen
}

// maxID is how many bytes of an event's id an answer repeats.
const maxID = 256

// faultOf describes one invalid event.
func faultOf(index int, id string, err *events.InvalidError, status int) fault {
	id = strings.ToValidUTF8(id[:min(len(id), maxID)], "")
	return fault{Index: index, ID: id, Pointer: err.Pointer, Rule: err.Rule, Detail: err.Detail, status: status}
}

// tooLarge are the rules whose breach is answered with 413.
var tooLarge = []string{events.RuleSize, events.RuleBatchSize}

// malformed is the status of an event that is no CloudEvent.
func malformed(err *events.InvalidError) int {
	if slices.Contains(tooLarge, err.Rule) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// problemOf makes one refusal of all faults. Its status is the first fault's: the
// same for one event as for a batch of one.
func problemOf(faults []fault) problem {
	p := problem{Status: faults[0].status, Errors: faults, Detail: faults[0].Detail}
	if len(faults) > 1 {
		p.Detail = strconv.Itoa(len(faults)) + " events are at fault, and none of the batch was taken"
	}
	return p
}

// noEvent is the detail of a request that nothing says is an event.
const noEvent = "Content-Type names no event, and there are no ce- headers: send Content-Type: " + events.ContentType + ", or " +
	events.BatchContentType + " for an array of them, or the attributes in ce- headers with the media type of the data"

// unread describes an error of reading a request into events.
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
		if f.Rule == events.RuleMode { // what is read as an event, over HTTP a header says
			f.Detail = noEvent
		}
		return problemOf([]fault{f})
	}
	return problem{Status: http.StatusBadRequest, Detail: "the request cannot be read"}
}

// refuse answers with a problem, and logs it, without the query: it may hold a token.
func (p *endpoint) refuse(w http.ResponseWriter, r *http.Request, what problem) {
	level := zerolog.DebugLevel
	if what.Status >= http.StatusInternalServerError {
		level = zerolog.WarnLevel
	}
	p.deps.Log.WithLevel(level).Str("method", r.Method).Str("path", r.URL.Path).Int("status", what.Status).Str("why", what.Detail).Msg("refused")
	p.answer(w, what)
}

func (p *endpoint) answer(w http.ResponseWriter, what problem) {
	if what.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(what.after.Seconds()))))
	}
	what.Type, what.Title = "about:blank", http.StatusText(what.Status)
	writeJSON(w, "application/problem+json", what.Status, what)
}

func writeJSON(w http.ResponseWriter, mediaType string, status int, value any) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // nobody is left to tell
}

func allowed(by map[string]http.HandlerFunc) []string {
	return slices.Sorted(maps.Keys(by))
}
