// Package vendortest has the tests of every vendor client: a contract that checks client and
// fake against the vendor's OpenAPI document, and a suite of failures.
package vendortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/usherhq/usher/schemas"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// Server is a fake vendor, served in memory for one test, behind the vendor's contract.
type Server struct {
	Box      *sandbox.Sandbox
	URL      string            // base URL of the vendor, reachable by HTTP only
	HTTP     http.RoundTripper // for Settings.HTTP; works on the virtual time of testing/synctest
	Contract *Contract
}

// Serve starts the sandbox and returns the server of one vendor. Every request and every
// response is checked against the vendor's OpenAPI document; a violation fails the test.
func Serve(t testing.TB, vendor string, c sandbox.Config) Server {
	t.Helper()
	box, err := sandbox.New(c.With(vendor))
	if err != nil {
		t.Fatal(err)
	}
	contract, handler := behindContract(t, vendor, box)
	return Server{Box: box, URL: box.BaseURLs(host)[vendor], HTTP: memnet.Serve(t, handler), Contract: contract}
}

// behindContract returns the handler of the sandbox behind the contract of the vendor. Kinds that the
// sandbox makes as an instance only may be without a document, and so without a contract.
func behindContract(t testing.TB, vendor string, box *sandbox.Sandbox) (*Contract, http.Handler) {
	t.Helper()
	if box.Kinds()[vendor] != "" && !schemas.HasVendorAPI(vendor) {
		return nil, box.Handler()
	}
	document, err := schemas.VendorAPI(vendor)
	if err != nil {
		t.Fatal(err)
	}
	contract := NewContract(t, document, box.BaseURLs("")[vendor][len("http://"):])
	return contract, contract.Wrap(box.Handler())
}

// State returns the state of the vendor.
func (s Server) State(vendor string) sandbox.VendorState { return s.Box.State().Vendors[vendor] }

// Contract checks calls against an OpenAPI document.
type Contract struct {
	t        testing.TB
	document *openapi3.T
	router   routers.Router

	mu    sync.Mutex
	tried map[string]bool
}

// readSCIM lets the contract read bodies with the media type of SCIM.
var readSCIM = sync.OnceFunc(func() { openapi3filter.RegisterBodyDecoder("application/scim+json", openapi3filter.JSONBodyDecoder) })

// NewContract returns the contract in an OpenAPI document, for an API served below the path
// base.
func NewContract(t testing.TB, document []byte, base string) *Contract {
	t.Helper()
	readSCIM()
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: base}}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &Contract{t: t, document: doc, router: router, tried: map[string]bool{}}
}

// Untried returns the operations of the document ("POST /users") without a call so far, sorted.
func (c *Contract) Untried() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for path, item := range c.document.Paths.Map() {
		for method := range item.Operations() {
			if op := method + " " + path; !c.tried[op] {
				out = append(out, op)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Wrap returns a handler that checks every request to next and every response of next.
func (c *Contract) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			c.t.Errorf("%s %s: reading the request: %v", r.Method, r.URL.Path, err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		input, err := c.request(r, body)
		if err != nil {
			c.t.Errorf("request %s %s: %v", r.Method, r.URL, err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		if input != nil {
			if err := c.response(input, recorder); err != nil {
				c.t.Errorf("answer to %s %s: status %d: %v", r.Method, r.URL, recorder.Code, err)
			}
		}
		maps.Copy(w.Header(), recorder.Header())
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes())
	})
}

// request checks r and returns the input for the check of the response.
func (c *Contract) request(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.tried[route.Method+" "+route.Path] = true
	c.mu.Unlock()
	if len(body) > 0 && route.Operation.RequestBody == nil {
		return nil, errors.New("the document has no body for this call")
	}
	if err := declared(r, route); err != nil {
		return nil, err
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: signed, SkipSettingDefaults: true},
	}
	return input, openapi3filter.ValidateRequest(r.Context(), input)
}

// declared returns an error for a query parameter outside the document.
func declared(r *http.Request, route *routers.Route) error {
	known := map[string]bool{}
	for _, list := range []openapi3.Parameters{route.PathItem.Parameters, route.Operation.Parameters} {
		for _, p := range list {
			known[p.Value.In+" "+p.Value.Name] = true
		}
	}
	for name := range r.URL.Query() {
		if !known["query "+name] {
			return fmt.Errorf("the document has no query parameter %q", name)
		}
	}
	return nil
}

// signed checks that the credentials of the security scheme were sent.
func signed(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	header := "Authorization"
	if in.SecurityScheme.Type == "apiKey" {
		header = in.SecurityScheme.Name
	}
	if in.RequestValidationInput.Request.Header.Get(header) == "" {
		return fmt.Errorf("the header %s is not there", header)
	}
	return nil
}

func (c *Contract) response(input *openapi3filter.RequestValidationInput, answer *httptest.ResponseRecorder) error {
	if answer.Code == http.StatusNoContent && answer.Body.Len() > 0 {
		return errors.New("204 with a body")
	}
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: answer.Code, Header: answer.Header(),
		Body: io.NopCloser(bytes.NewReader(answer.Body.Bytes())), Options: input.Options,
	})
}
