package vendortest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usherhq/usher/schemas"
	"github.com/usherhq/usher/vendors/vendortest"
)

// notes is a testing.TB that keeps the errors.
type notes struct {
	testing.TB
	errors []string
}

func (n *notes) Errorf(format string, args ...any) {
	n.errors = append(n.errors, fmt.Sprintf(format, args...))
}

const miestroPage = `{"current_page":1,"data":[%s],"first_page_url":"","from":1,"last_page":1,"last_page_url":"",` +
	`"next_page_url":null,"path":"","per_page":"15","prev_page_url":null,"to":1,"total":1}`

func TestContractCatches(t *testing.T) {
	tests := map[string]struct {
		method, path, body string
		status             int
		answer             string
		unsigned           bool
		want               string // empty: nothing is wrong
	}{
		"good":                {method: "DELETE", path: "/users/7", status: 200, answer: `{}`},
		"good page":           {method: "GET", path: "/users?query[]=search%3Dada", status: 200, answer: fmt.Sprintf(miestroPage, "")},
		"no such call":        {method: "PATCH", path: "/users/7", status: 200, answer: `{}`, want: "request"},
		"no such path":        {method: "GET", path: "/people", status: 200, answer: `{}`, want: "request"},
		"unknown parameter":   {method: "GET", path: "/users?email=x", status: 200, answer: fmt.Sprintf(miestroPage, ""), want: "request"},
		"bad filter":          {method: "GET", path: "/users?query[]=ada", status: 200, answer: fmt.Sprintf(miestroPage, ""), want: "request"},
		"missing member":      {method: "POST", path: "/users", body: `{"name":"Ada"}`, status: 422, answer: `{"message":"no"}`, want: "request"},
		"unknown member":      {method: "POST", path: "/users/7/enroll", body: `{"course_id":1,"x":2}`, status: 200, answer: `{}`, want: "request"},
		"text for a number":   {method: "POST", path: "/users/7/enroll", body: `{"course_id":"1"}`, status: 200, answer: `{}`, want: "request"},
		"no body":             {method: "POST", path: "/users/7/enroll", status: 200, answer: `{}`, want: "request"},
		"needless body":       {method: "DELETE", path: "/users/7", body: `{}`, status: 200, answer: `{}`, want: "request"},
		"no credentials":      {method: "DELETE", path: "/users/7", status: 200, answer: `{}`, unsigned: true, want: "request"},
		"lying nothing":       {method: "DELETE", path: "/users/7", status: 200, answer: `{"ok":true}`, want: "answer"},
		"lying item":          {method: "GET", path: "/users", status: 200, answer: fmt.Sprintf(miestroPage, `{"id":1}`), want: "answer"},
		"lying page":          {method: "GET", path: "/users", status: 200, answer: `{"data":[]}`, want: "answer"},
		"undocumented status": {method: "DELETE", path: "/users/7", status: 204, want: "answer"},
		"odd refusal":         {method: "DELETE", path: "/users/7", status: 404, answer: `{"reason":"no"}`, want: "answer"},
	}
	document, err := schemas.VendorAPI("miestro")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			kept := &notes{TB: t}
			handler := vendortest.NewContract(kept, document, "/api").Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.answer))
			}))
			r := httptest.NewRequest(test.method, "/api"+test.path, strings.NewReader(test.body))
			if test.body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			if !test.unsigned {
				r.Header.Set("X-Forward-Api-Key", "k")
				r.Header.Set("X-Forward-Api-Secret", "s")
			}
			handler.ServeHTTP(httptest.NewRecorder(), r)
			if got := strings.Join(kept.errors, "\n"); (test.want == "" && got != "") || !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want it to begin with %q", got, test.want)
			}
		})
	}
}
