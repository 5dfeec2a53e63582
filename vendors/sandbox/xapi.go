package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Credentials of the fake LRS; any others except WrongCredential are accepted too.
const (
	XAPIKey     = "sandbox-xapi-key"
	XAPISecret  = "sandbox-xapi-secret"
	XAPIVersion = "1.0.3"
)

// xapi is a fake of a Learning Record Store: statements only, by their ids.
type xapi struct {
	guard

	config Config
	events []Event
	stored map[string]xapiStored // by statement id
}

// xapiStored is a statement as received first.
type xapiStored struct {
	statement []byte // in canonical form
	event     int    // index in events
}

// xapiStatement is the part of a statement that the fake reads.
type xapiStatement struct {
	ID    string `json:"id"`
	Actor struct {
		Account struct {
			HomePage string `json:"homePage"`
			Name     string `json:"name"`
		} `json:"account"`
		Mbox string `json:"mbox"`
	} `json:"actor"`
	Verb struct {
		ID string `json:"id"`
	} `json:"verb"`
	Object struct {
		ID string `json:"id"`
	} `json:"object"`
	Timestamp string `json:"timestamp"`
}

// xapiID is a UUID as the specification wants one.
var xapiID = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$`)

func newXAPI(c Config) *xapi { return &xapi{config: c, stored: map[string]xapiStored{}} }

func (x *xapi) name() string { return "xapi" }

func (x *xapi) base() string { return "/xapi" }

func (x *xapi) creations() []string { return nil }

func (x *xapi) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /about":      x.open(x.about),
		"PUT /statements": x.authed(x.put),
		"GET /statements": x.authed(x.get),
	}
}

func (x *xapi) about(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, object{"version": []string{XAPIVersion}})
}

// authed admits calls with credentials and the version of the protocol, one at a time.
func (x *xapi) authed(next http.HandlerFunc) http.HandlerFunc {
	return x.open(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Experience-API-Version", XAPIVersion)
		key, secret, ok := r.BasicAuth()
		switch {
		case !ok || !validCredential(key) || !validCredential(secret):
			w.Header().Set("WWW-Authenticate", `Basic realm="xapi"`)
			answer(w, http.StatusUnauthorized, object{"error": "the credentials are not valid"})
		case !strings.HasPrefix(r.Header.Get("X-Experience-API-Version"), "1.0"):
			answer(w, http.StatusBadRequest, object{"error": "X-Experience-API-Version is missing or not supported"})
		default:
			next(w, r)
		}
	})
}

// fault returns the first fault of a statement, or "".
func (s xapiStatement) fault(id string) string {
	_, err := time.Parse(time.RFC3339Nano, s.Timestamp)
	switch {
	case !xapiID.MatchString(id):
		return "statementId is not a UUID"
	case s.ID != "" && !strings.EqualFold(s.ID, id):
		return "the id of the statement is not statementId"
	case s.Actor.Mbox == "" && (s.Actor.Account.HomePage == "" || s.Actor.Account.Name == ""):
		return "the actor has no identifier"
	case !strings.Contains(s.Verb.ID, "://") || !strings.Contains(s.Object.ID, "://"):
		return "verb and object need an IRI"
	case s.Timestamp != "" && err != nil:
		return "the timestamp is not ISO 8601"
	}
	return ""
}

// put stores a statement. The same statement again is success, another one with the same id a
// conflict.
func (x *xapi) put(w http.ResponseWriter, r *http.Request) {
	var raw json.RawMessage
	var in xapiStatement
	id := strings.ToLower(r.URL.Query().Get("statementId"))
	if !decode(r, &raw) || json.Unmarshal(raw, &in) != nil {
		answer(w, http.StatusBadRequest, object{"error": "the body is no statement"})
		return
	}
	if fault := in.fault(id); fault != "" {
		answer(w, http.StatusBadRequest, object{"error": fault})
		return
	}
	statement := canonicalJSON(raw)
	if old, known := x.stored[id]; known {
		x.events[old.event].Received++
		if !bytes.Equal(old.statement, statement) {
			answer(w, http.StatusConflict, object{"error": "another statement has this id"})
			return
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	x.stored[id] = xapiStored{statement: statement, event: len(x.events)}
	at, _ := time.Parse(time.RFC3339Nano, in.Timestamp)
	x.events = append(x.events, Event{RequestID: id, UserID: in.Actor.Account.Name, Name: in.Verb.ID, At: at, Received: 1, Recorded: 1})
	w.WriteHeader(http.StatusNoContent)
}

// canonicalJSON returns a JSON value with sorted names and without blanks.
func canonicalJSON(raw []byte) []byte {
	var value any
	_ = json.Unmarshal(raw, &value)
	text, _ := json.Marshal(value)
	return text
}

// get answers with one statement, or with the first statements.
func (x *xapi) get(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if !query.Has("statementId") {
		list := []json.RawMessage{}
		for _, s := range x.stored {
			if len(list) < positive(query.Get("limit"), 100) {
				list = append(list, s.statement)
			}
		}
		answer(w, http.StatusOK, object{"statements": list, "more": ""})
		return
	}
	s, known := x.stored[strings.ToLower(query.Get("statementId"))]
	if !known {
		answer(w, http.StatusNotFound, object{"error": "no such statement"})
		return
	}
	answer(w, http.StatusOK, json.RawMessage(s.statement))
}

func (x *xapi) state() VendorState {
	x.mu.Lock()
	defer x.mu.Unlock()
	return VendorState{Events: slices.Clone(x.events)}
}
