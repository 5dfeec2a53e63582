package ingest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/schemas"
)

// fakeStream implements Stream and Failed in memory.
type fakeStream struct {
	most int64 // bytes of a message; zero: 1 MiB

	left, limit         int64 // of the stream
	deadLeft, deadLimit int64 // of the dead letters

	mu      sync.Mutex
	err     error
	ids     []string
	kept    []ingest.Delivery
	keepErr error // of Keep alone
}

func (s *fakeStream) StoreFrom(_ context.Context, _ events.Channel, list []events.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	for _, e := range list {
		s.ids = append(s.ids, e.ID())
	}
	return nil
}

func (s *fakeStream) Keep(_ context.Context, d ingest.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, d)
	return cmp.Or(s.keepErr, s.err)
}

func (s *fakeStream) MaxMessage() int64 { return cmp.Or(s.most, 1<<20) }

func (s *fakeStream) Room() (left, limit int64) { return s.left, s.limit }

func (s *fakeStream) KeepRoom() (left, limit int64) { return s.deadLeft, s.deadLimit }

const created = `{"specversion":"1.0","id":"e1","source":"/school","type":"user.created","data":{"user_id":"ada","email":"ada@example.org"}}`

// numbered returns the event created with another id.
func numbered(id string) string { return strings.Replace(created, `"e1"`, `"`+id+`"`, 1) }

// config returns a configuration with a client, an origin and a web hook.
func config() ingest.Config {
	return ingest.Config{
		Clients: []ingest.Client{
			{Name: "all", Token: "token-of-one-who-may-all"},
			{Name: "crm", Token: "token-of-the-crm-only-00", Sources: []string{"/crm"}, Types: []string{"user.created"}},
		},
		MaxBody: 4 << 10, StoreTime: time.Second,
		Origins: []string{"events.example.org"}, Rate: 1000,
		Webhooks: map[string]ingest.Webhook{"crm": {Verifier: signedBy("right"), Mapper: mapper{}}, "strict": {Verifier: signedBy("right"), Mapper: mapper{}, Refuse: true}},
	}
}

// endpoint returns the handler under test.
func endpoint(t testing.TB, c ingest.Config, s *fakeStream) http.Handler {
	t.Helper()
	set, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	return ingest.New(c, ingest.Deps{
		Stream: s, Failed: s, Validate: set.Validate, Schema: schemas.JSON, Log: zerolog.Nop(),
		Ready: func() ingest.Readiness {
			return ingest.Readiness{Ready: s.err == nil, Parts: map[string]string{"nats": "ok"}}
		},
	})
}

// signedBy verifies a header against a secret; mapper reads a user_id.
type signedBy string

func (v signedBy) Verify(h http.Header, _ []byte) (string, error) {
	if h.Get("Signature") != string(v) {
		return "", errors.New("the signature is not right")
	}
	return h.Get("Webhook-Id"), nil
}

// mapper makes an event of a payload, or an event of each element of a list.
type mapper struct{}

func (mapper) Map(id string, _ http.Header, body []byte) ([]mapping.Outcome, error) {
	var in struct {
		Type, User, Email string
		List              []struct{ User, Email string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, errors.New("the payload is no JSON")
	}
	if in.Type == "ping" {
		return nil, nil
	}
	make := func(place, id, user, email string) mapping.Outcome {
		e, err := events.New(events.UserCreated, "/webhooks/crm", id, time.Unix(1_700_000_000, 0), map[string]any{"user_id": user, "email": email})
		return mapping.Outcome{Place: place, Event: e, Err: err}
	}
	if in.List == nil {
		return []mapping.Outcome{make("", id, in.User, in.Email)}, nil
	}
	var all []mapping.Outcome
	for i, one := range in.List {
		all = append(all, make(strconv.Itoa(i), id+"."+strconv.Itoa(i), one.User, one.Email))
	}
	return all, nil
}

// reply is an answer.
type reply struct {
	Status int
	Header map[string]string // headers named by the case
	IDs    []string          // accepted
	Faults []string          // index, pointer and rule
}

type request struct {
	method, target string
	header         http.Header
	body           string
}

func ask(h http.Handler, r request) *httptest.ResponseRecorder {
	body := io.Reader(strings.NewReader(r.body))
	req := httptest.NewRequest(r.method, "http://usher.test/", body)
	path, query, _ := strings.Cut(r.target, "?")
	req.URL.Path, req.URL.RawQuery = path, query
	for name, values := range r.header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// read returns an answer with the headers named by want.
func read(t *testing.T, res *httptest.ResponseRecorder, want map[string]string) reply {
	t.Helper()
	body := res.Body.Bytes()
	got := reply{Status: res.Code}
	for name := range want {
		if got.Header == nil {
			got.Header = map[string]string{}
		}
		got.Header[name] = res.Header().Get(name)
	}
	var answer struct {
		Accepted []string
		Status   int
		Errors   []struct {
			Index         int
			Pointer, Rule string
		}
	}
	if len(body) > 0 && strings.Contains(res.Header().Get("Content-Type"), "json") {
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Errorf("the answer is no JSON: %v", err)
		}
	}
	if res.Code >= 400 && (res.Header().Get("Content-Type") != "application/problem+json" || answer.Status != res.Code) {
		t.Errorf("got %s with status %d inside for a refusal, want a problem of that status", res.Header().Get("Content-Type"), answer.Status)
	}
	if len(answer.Accepted) > 0 {
		got.IDs = answer.Accepted
	}
	for _, f := range answer.Errors {
		got.Faults = append(got.Faults, fmt.Sprintf("%d %s %s", f.Index, f.Pointer, f.Rule))
	}
	return got
}

// headers returns a header from pairs of name and value.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

const (
	structured = "application/cloudevents+json"
	batch      = "application/cloudevents-batch+json"
	bearer     = "Bearer token-of-one-who-may-all"
)

// strict returns a request to the sender that wants refusals.
func strict(r request) request {
	r.target = "/webhooks/strict"
	return r
}

// post returns a request to /events with a known token.
func post(contentType, body string, pairs ...string) request {
	return request{http.MethodPost, "/events", headers(append([]string{"Content-Type", contentType, "Authorization", bearer}, pairs...)...), body}
}
