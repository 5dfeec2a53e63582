package vendors_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors"
)

// roundTrip is a vendor without a network.
type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip answers the request.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// counting answers every request alike and counts them.
func counting(status int, header http.Header) (roundTrip, *int) {
	n := new(int)
	return func(r *http.Request) (*http.Response, error) {
		*n++
		res := answer(r, status, `{"message":"no"}`)
		res.Header = header
		return res, nil
	}, n
}

func client(transport http.RoundTripper, auth vendors.Auth, secrets ...vendors.Secret) *vendors.Client {
	return vendors.NewClient("acme", vendors.Options{BaseURL: "https://acme.example.org/api/", HTTP: transport}, auth, secrets...)
}

func TestDoRepeats(t *testing.T) {
	tests := map[string]struct {
		call   vendors.Call
		status int
		header http.Header
		want   int
	}{
		"get":                     {vendors.Call{Method: "GET"}, 503, nil, 3},
		"get with a side effect":  {vendors.Call{Method: "GET", Once: true}, 503, nil, 1},
		"post":                    {vendors.Call{Method: "POST"}, 503, nil, 1},
		"post that is repeatable": {vendors.Call{Method: "POST", Repeatable: true}, 503, nil, 3},
		"refused for good":        {vendors.Call{Method: "GET"}, 404, nil, 1},
		"refused credentials":     {vendors.Call{Method: "GET"}, 403, nil, 1},
		"asked to wait":           {vendors.Call{Method: "GET"}, 429, http.Header{"Retry-After": {"1"}}, 1},
		"too many, no word":       {vendors.Call{Method: "GET"}, 429, nil, 3},
		"done":                    {vendors.Call{Method: "GET"}, 200, nil, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport, n := counting(test.status, test.header)
				test.call.Path = "/things"
				begun := time.Now()
				err := client(transport, nil).Do(t.Context(), test.call)
				if *n != test.want || (err == nil) != (test.status == 200) {
					t.Errorf("got %d calls and %v, want %d", *n, err, test.want)
				}
				if took := time.Since(begun); took > 5*time.Second {
					t.Errorf("took %v, want at most 5 s", took)
				}
			})
		})
	}
}

// A client whose caller repeats what fails repeats only further pages of a list.
func TestDoOfASingleClient(t *testing.T) {
	for name, test := range map[string]struct {
		call vendors.Call
		want int
	}{
		"get":                     {vendors.Call{Method: "GET"}, 1},
		"further page":            {vendors.Call{Method: "GET", Further: true}, 3},
		"change without a repeat": {vendors.Call{Method: "POST", Further: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport, n := counting(503, nil)
				c := vendors.NewClient("acme", vendors.Options{BaseURL: "https://acme.example.org", HTTP: transport, SingleAttempt: true}, nil)
				if err := c.Do(t.Context(), test.call); *n != test.want || vendors.StatusOf(err) != 503 {
					t.Errorf("got %d calls and %v, want %d", *n, err, test.want)
				}
			})
		})
	}
}

// TestAChangeWithoutAnAnswerIsNotRepeatedAtOnce is about calls that are cut off.
func TestAChangeWithoutAnAnswerIsNotRepeatedAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		call vendors.Call
		want int
	}{
		"a read":                           {vendors.Call{Method: "GET"}, 3},
		"a change":                         {vendors.Call{Method: "PUT", Repeatable: true}, 1},
		"an upsert":                        {vendors.Call{Method: "POST", Repeatable: true}, 1},
		"one that the vendor deduplicates": {vendors.Call{Method: "POST", Repeatable: true, Deduplicated: true}, 3},
		"a log-in":                         {vendors.Call{Method: "POST", Repeatable: true, NoAuth: true}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				err := client(roundTrip(func(*http.Request) (*http.Response, error) { n++; return nil, io.EOF }), nil).Do(t.Context(), test.call)
				if n != test.want || !vendors.IsUnanswered(err) || !strings.Contains(err.Error(), "the connection was closed without a response (EOF)") {
					t.Errorf("got %d calls and %v, want %d without an answer", n, err, test.want)
				}
			})
		})
	}
}

func TestDoEndsWithItsContext(t *testing.T) {
	transport, n := counting(503, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client(transport, nil).Do(ctx, vendors.Call{Method: "GET", Path: "/"}); err == nil || *n > 1 {
		t.Errorf("got %v after %d calls, want an error at once", err, *n)
	}
}

func TestDoSends(t *testing.T) {
	var got *http.Request
	var body string
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		got, body = r, string(b)
		return answer(r, 204, ""), err
	})
	auth := vendors.StaticAuth{"X-Key": "s3cret"}
	tests := map[string]struct {
		call                        vendors.Call
		url, body, contentType, key string
	}{
		"query": {
			vendors.Call{Method: "GET", Path: "/a%2Fb", Query: url.Values{"q": {"a+b"}}},
			"https://acme.example.org/api/a%2Fb?q=a%2Bb", "", "", "s3cret",
		},
		"json": {
			vendors.Call{Method: "POST", Path: "/a", JSON: map[string]int{"n": 1}},
			"https://acme.example.org/api/a", `{"n":1}`, "application/json", "s3cret",
		},
		"form": {
			vendors.Call{Method: "POST", Path: "/a", Form: url.Values{"e": {"a+b@example.org"}}},
			"https://acme.example.org/api/a", "e=a%2Bb%40example.org", "application/x-www-form-urlencoded", "s3cret",
		},
		"log-in": {
			vendors.Call{Method: "POST", Path: "/in", NoAuth: true, Header: http.Header{"x-request-id": {"7"}}},
			"https://acme.example.org/api/in", "", "", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := client(transport, auth).Do(t.Context(), test.call); err != nil {
				t.Fatal(err)
			}
			if got.URL.String() != test.url || body != test.body {
				t.Errorf("got %s with %q, want %s with %q", got.URL, body, test.url, test.body)
			}
			if ct, key := got.Header.Get("Content-Type"), got.Header.Get("X-Key"); ct != test.contentType || key != test.key {
				t.Errorf("got type %q and key %q, want %q and %q", ct, key, test.contentType, test.key)
			}
			if len(test.call.Header) > 0 && got.Header.Get("X-Request-Id") != "7" {
				t.Error("the call's own header is not there")
			}
		})
	}
}

func TestDoKeepsToTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport, _ := counting(200, nil)
		c := vendors.NewClient("acme", vendors.Options{BaseURL: "https://acme.example.org", HTTP: transport, Rate: 2}, nil)
		begun := time.Now()
		for range 14 {
			if err := c.Do(t.Context(), vendors.Call{Method: "POST", Path: "/"}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took < 1900*time.Millisecond || took > 2100*time.Millisecond {
			t.Errorf("14 calls at 2 a second, 10 at once, took %v, want 2 s", took)
		}
	})
}

func TestDoBeginsNothingThatCannotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport, n := counting(200, nil)
		c := vendors.NewClient("acme", vendors.Options{BaseURL: "https://acme.example.org", HTTP: transport, Rate: 0.1, Timeout: time.Second}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		first := c.Do(ctx, vendors.Call{Method: "POST", Path: "/"})
		second := c.Do(ctx, vendors.Call{Method: "POST", Path: "/"}) // its turn would come in 10 s
		if first != nil || !errors.Is(second, vendors.ErrLate) || *n != 1 {
			t.Errorf("got %v and %v after %d calls, want ErrLate for the second", first, second, *n)
		}
		if vendors.IsUnknown(second) {
			t.Error("a call that was not begun may have been made")
		}
	})
}

func TestJudge(t *testing.T) {
	transport := roundTrip(func(r *http.Request) (*http.Response, error) { return answer(r, 200, `{"error":"bad keys"}`), nil })
	c := client(transport, nil)
	c.ClassifyResponse(func(_ int, body []byte) (vendors.Class, bool) {
		return vendors.Unusable, strings.Contains(string(body), "bad keys")
	})
	err := c.Do(t.Context(), vendors.Call{Method: "GET", Path: "/"})
	if vendors.ClassOf(err) != vendors.Unusable {
		t.Errorf("got %v, want unusable in spite of 200", err)
	}
}

func TestDialErrorsAreKnown(t *testing.T) {
	c := vendors.NewClient("acme", vendors.Options{BaseURL: "http://127.0.0.1:1"}, nil)
	err := c.Do(t.Context(), vendors.Call{Op: "create", Method: "POST", Path: "/users/ada@example.org"})
	if err == nil || vendors.IsUnknown(err) || vendors.ClassOf(err) != vendors.Again {
		t.Errorf("got %v, want an error that says that nothing was sent", err)
	}
	if strings.Contains(err.Error(), "ada") {
		t.Errorf("got %v, which holds the path", err)
	}
}

func TestOptionsCheck(t *testing.T) {
	tests := map[string]bool{
		"https://acme.example.org": true, "http://127.0.0.1:8080/api": true,
		"": false, "acme.example.org": false, "ftp://acme.example.org": false, "https://": false, "https://user:s3cret@%": false,
	}
	for base, want := range tests {
		err := vendors.Options{BaseURL: base}.Check()
		if (err == nil) != want {
			t.Errorf("%q: got %v, want it to pass: %v", base, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v, which holds the address", err)
		}
	}
}
