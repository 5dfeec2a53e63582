package ingest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/schemas"
)

// described reads schemas/openapi.yaml, and returns the paths with an example for each parameter.
func described(t *testing.T) map[string]*openapi3.PathItem {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join("..", "..", "schemas", "openapi.yaml"))
	if err == nil {
		err = doc.Validate(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]*openapi3.PathItem{}
	for path, item := range doc.Paths.Map() {
		for _, p := range item.Parameters {
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", p.Value.Example.(string))
		}
		paths[path] = item
	}
	return paths
}

// served is the endpoint with all routes.
func served(t *testing.T, stream *fakeStream) http.Handler {
	t.Helper()
	set, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	return ingest.New(config(), ingest.Deps{
		Stream: stream, Failed: stream, Validate: set.Validate, Schema: schemas.JSON, Log: zerolog.Nop(),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write([]byte("usher_up 1\n"))
		}),
		Ready: func() ingest.Readiness {
			return ingest.Readiness{Ready: stream.err == nil, Parts: map[string]string{"nats": "ok"}}
		},
	})
}

// askAs sends a request, and returns the answer.
func askAs(t *testing.T, h http.Handler, method, path string, header http.Header, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestOpenAPIHasAllRoutes compares the document with the methods of each route, by the header
// Allow, and each answer with the described ones.
func TestOpenAPIHasAllRoutes(t *testing.T) {
	t.Parallel()
	h := served(t, &fakeStream{})
	paths := described(t)
	for path, item := range paths {
		var methods []string
		for method := range item.Operations() {
			methods = append(methods, method)
			answer := askAs(t, h, method, path, nil, "")
			if item.GetOperation(method).Responses.Status(answer.Code) == nil {
				t.Errorf("%s %s: got %d, which is not described", method, path, answer.Code)
			}
		}
		if slices.Contains(methods, http.MethodGet) {
			methods = append(methods, http.MethodHead)
		}
		slices.Sort(methods)
		answer := askAs(t, h, http.MethodDelete, path, nil, "")
		allowed := strings.Split(answer.Header().Get("Allow"), ", ")
		slices.Sort(allowed)
		if diff := cmp.Diff(methods, allowed); answer.Code != http.StatusMethodNotAllowed || diff != "" {
			t.Errorf("%s: got %d, methods (-described +allowed)\n%s", path, answer.Code, diff)
		}
	}
	for _, path := range []string{"/events", "/webhooks/crm", "/schemas/user.created", "/healthz", "/readyz", "/metrics"} {
		if paths[path] == nil {
			t.Errorf("%s is not described", path)
		}
	}
}

// TestOpenAPIHasTheAnswers compares bodies with the described schemas.
func TestOpenAPIHasTheAnswers(t *testing.T) {
	t.Parallel()
	bearer := http.Header{"Authorization": {"Bearer token-of-one-who-may-all"}, "Content-Type": {"application/cloudevents+json"}}
	paths := described(t)
	for name, c := range map[string]struct {
		method, path, body string
		header             http.Header
		err                error
		want               int
	}{
		"stored":     {http.MethodPost, "/events", created, bearer, nil, http.StatusAccepted},
		"no token":   {http.MethodPost, "/events", created, nil, nil, http.StatusUnauthorized},
		"no event":   {http.MethodPost, "/events", `{"specversion":"1.0"}`, bearer, nil, http.StatusBadRequest},
		"not stored": {http.MethodPost, "/events", created, bearer, context.DeadlineExceeded, http.StatusServiceUnavailable},
		"ready":      {http.MethodGet, "/readyz", "", nil, nil, http.StatusOK},
		"not ready":  {http.MethodGet, "/readyz", "", nil, context.DeadlineExceeded, http.StatusServiceUnavailable},
		"schema":     {http.MethodGet, "/schemas/user.created", "", nil, nil, http.StatusOK},
		"alive":      {http.MethodGet, "/healthz", "", nil, nil, http.StatusOK},
		"metrics":    {http.MethodGet, "/metrics", "", nil, nil, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := askAs(t, served(t, &fakeStream{err: c.err}), c.method, c.path, c.header, c.body)
			if answer.Code != c.want {
				t.Fatalf("got %d %s, want %d", answer.Code, answer.Body, c.want)
			}
			kind, _, _ := strings.Cut(answer.Header().Get("Content-Type"), ";")
			media := paths[c.path].GetOperation(c.method).Responses.Status(answer.Code).Value.Content.Get(kind)
			if media == nil {
				t.Fatalf("the content type %q is not described", kind)
			}
			value := any(answer.Body.String())
			if strings.HasSuffix(kind, "json") {
				value = decodeJSON(t, answer.Body.Bytes())
			}
			if err := media.Schema.Value.VisitJSON(value); err != nil {
				t.Errorf("%s: %v", answer.Body, err)
			}
		})
	}
}

// TestHeadIsGetWithoutBody compares HEAD and GET of every path that has a GET, on a real connection.
func TestHeadIsGetWithoutBody(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(served(t, &fakeStream{}))
	defer s.Close()
	send := func(method, path string) string {
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.Status + " " + answer.Header.Get("Content-Type")
	}
	for path, item := range described(t) {
		if item.Get == nil {
			continue
		}
		if get, head := send(http.MethodGet, path), send(http.MethodHead, path); get != head {
			t.Errorf("%s: got %s for HEAD, want %s", path, head, get)
		}
	}
}

// TestCORSStaysClosed asks as a page of another origin would.
func TestCORSStaysClosed(t *testing.T) {
	t.Parallel()
	h := served(t, &fakeStream{})
	for path := range described(t) {
		for _, method := range []string{http.MethodOptions, http.MethodGet, http.MethodPost} {
			answer := askAs(t, h, method, path, http.Header{
				"Origin": {"https://events.example.org"}, "Access-Control-Request-Method": {http.MethodPost}, "Access-Control-Request-Headers": {"authorization"},
			}, "")
			for name := range answer.Header() {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s: got the header %s", method, path, name)
				}
			}
		}
	}
}

func decodeJSON(t *testing.T, text []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}
