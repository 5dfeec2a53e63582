package httpapi_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/httpapi"
)

// yamlBreaks makes all breaks of lines in YAML alike.
var yamlBreaks = strings.NewReplacer("\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// FuzzParse checks that no file makes the loader panic, and that each fault has a line and a
// correction.
func FuzzParse(f *testing.F) {
	school, err := os.ReadFile("testdata/school.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{string(school), httpapi.Skeleton("acme"), "kind: http\nname: a\ncheck: {GET: \"/{\"}", "- [", "a: &a [*a]", "settings: {x: {default: 1}}", "\r\r0"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := httpapi.Lint("fuzz.yaml", text)
		for _, fault := range httpapi.Faults(err) {
			breaks := strings.Count(yamlBreaks.Replace(string(text)), "\n")
			if fault.Line < 1 || fault.Fix == "" || fault.Line > breaks+2 {
				t.Errorf("got %+v, want a line of the file and a correction", fault)
			}
		}
	})
}

// oneAnswer answers every call with the same body.
type oneAnswer struct {
	status int
	body   []byte
}

func (o oneAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: o.status, Request: r, Header: http.Header{"Content-Type": {"application/json"}, "Link": {`<https://other.example/users?page=2>; rel="next"`}},
		Body: readCloser{bytes.NewReader(o.body)},
	}, nil
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// FuzzAnswers checks that no answer makes a port panic, and that none counts as the account of the
// user unless it has the e-mail of the user.
func FuzzAnswers(f *testing.F) {
	file, err := httpapi.Load("testdata/school.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range []string{`{"users":[{"id":7,"email":"augusta@example.org"}],"total":1,"pages":1}`, `{"users":{"0":{}},"total":"2"}`, `[]`, `{"user":{"id":"7.0"}}`, "<html>", `{"total":1e99}`, `{"error":1}`} {
		f.Add(200, []byte(body))
		f.Add(404, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		a, err := adapter(file, vendors.Settings{BaseURL: "https://school.example", Timeout: time.Second, HTTP: oneAnswer{status, body}, SingleAttempt: true})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		user := vendors.User{ID: "user-1", Email: "augusta@example.org", FirstName: "Augusta"}
		finder, _ := vendors.Port[vendors.Provisioner](a)
		found, err := finder.Find(ctx, user)
		if err == nil && (found.ID == "" || !bytes.Contains(bytes.ToLower(body), []byte("example")) && !bytes.Contains(body, []byte(`\u`)) && !bytes.Contains(body, []byte("user-1"))) {
			t.Errorf("got account %q from an answer without the user", found.ID)
		}
		if status > 299 && errors.Is(err, vendors.ErrNotFound) {
			t.Errorf("got no such account from status %d at every call", status)
		}
		_, _ = finder.Create(ctx, vendors.Origin{Key: "k"}, user)
		lister, _ := vendors.Port[vendors.Lister](a)
		_ = lister.List(ctx, func(vendors.Listed) error { return nil })
		_, _ = lister.Show(ctx, vendors.Account{ID: "7"})
		reader, _ := vendors.Port[vendors.EnrollmentReader](a)
		_, _ = reader.Enrolled(ctx, vendors.Account{ID: "7"}, vendors.Course{ID: "1"})
	})
}
