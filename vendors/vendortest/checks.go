package vendortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors"
)

// patient is a timeout above every healthy response time.
const patient = 10 * time.Second

// echo answers with the status and the whole request, with credentials: the worst case of a
// vendor's error.
func echo(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		decoded := ""
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			decoded, _ = url.QueryUnescape(string(body))
		}
		var said strings.Builder
		fmt.Fprintln(&said, "cannot", r.Method, r.URL, r.URL.Path, string(body), decoded)
		for name, values := range r.Header {
			fmt.Fprintln(&said, name, values)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": said.String()})
	}
}

// silent fails the test if err shows a secret, personal data or too much text.
func (s Suite) silent(t *testing.T, err error) {
	t.Helper()
	for _, shown := range []string{fmt.Sprintf("%v", err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
		for _, word := range append(slices.Clone(personal), s.Secrets...) {
			if strings.Contains(strings.ToLower(shown), strings.ToLower(word)) {
				t.Errorf("the error shows %q", word)
			}
		}
		if len(shown) > 2048 {
			t.Errorf("the error has %d bytes", len(shown))
		}
	}
}

// verdict returns the expected class of a port if every call gets the status; nil is success.
func (s Suite) verdict(port string, status int) *vendors.Class {
	if s.Verdict != nil {
		if want, ok := s.Verdict(port, status); ok {
			return want
		}
	}
	class := vendors.Permanent
	switch {
	case port == Delete && (status == http.StatusNotFound || status == http.StatusGone):
		return nil
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status >= 300 && status < 400:
		class = vendors.Unusable
	case slices.Contains([]int{408, 425, 429, 500, 502, 503}, status):
		class = vendors.Again
	}
	return &class
}

func (s Suite) statuses(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503} {
		Try(t, fmt.Sprint(status), func(t *testing.T) {
			b := s.bench(t, patient)
			b.broken(echo(status))
			for port, call := range b.ports() {
				b.hits.Store(0)
				err := call(t.Context())
				if b.hits.Load() == 0 { // the port needs no call
					continue
				}
				s.judge(t, port, status, err)
			}
		})
	}
}

func (s Suite) judge(t *testing.T, port string, status int, err error) {
	t.Helper()
	want := s.verdict(port, status)
	s.silent(t, err)
	switch {
	case s.OwnRules:
	case want == nil && err != nil:
		t.Errorf("%s: got %v, want success", port, err)
	case want == nil:
	case err == nil:
		t.Errorf("%s: got success, want class %v", port, *want)
	case port == Find && status == http.StatusNotFound && errors.Is(err, vendors.ErrNotFound):
	case slices.Contains([]string{Show, Update, Restore, Enable}, port) && (status == http.StatusNotFound || status == http.StatusGone) && errors.Is(err, vendors.ErrNotFound):
	case errors.Is(err, vendors.ErrNotFound):
		t.Errorf("%s: got %v, want an error: status %d says nothing of the account", port, err, status)
	case vendors.ClassOf(err) != *want:
		t.Errorf("%s: got class %v, want %v: %v", port, vendors.ClassOf(err), *want, err)
	}
}

func (s Suite) retryAfter(t *testing.T) {
	always := func(header string) func() string { return func() string { return header } }
	tests := map[string]struct {
		header   func() string
		min, max time.Duration
	}{
		"seconds":  {always("120"), 2 * time.Minute, 2 * time.Minute},
		"date":     {inTwoHours, time.Hour + 58*time.Minute, 2 * time.Hour},
		"nothing":  {always(""), 0, 0},
		"garbage":  {always("soon"), 0, 0},
		"decimals": {always("119.2"), 2 * time.Minute, 2 * time.Minute},
		"negative": {always("-1"), 0, 0},
		"absurd":   {always("99999999999"), time.Hour, time.Hour},
	}
	for name, test := range tests {
		Try(t, name, func(t *testing.T) {
			b, header := s.bench(t, patient), test.header()
			b.broken(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", header)
				w.WriteHeader(http.StatusTooManyRequests)
			})
			for port, call := range b.ports() {
				b.hits.Store(0)
				err := call(t.Context())
				e, ok := errors.AsType[*vendors.Error](err)
				if b.hits.Load() > 0 && (!ok || e.After < test.min || e.After > test.max) {
					t.Errorf("%s: got %v, want After from %v to %v", port, err, test.min, test.max)
				}
			}
		})
	}
}

// inTwoHours is a date of HTTP.
func inTwoHours() string { return time.Now().Add(2 * time.Hour).UTC().Format(http.TimeFormat) }

func (s Suite) redirects(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		Try(t, fmt.Sprint(status), func(t *testing.T) {
			b := s.bench(t, patient)
			b.broken(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					t.Error("the redirect was followed")
				}
				http.Redirect(w, r, "/elsewhere", status)
			})
			for port, call := range b.ports() {
				b.hits.Store(0)
				err := call(t.Context())
				if b.hits.Load() > 0 {
					s.judge(t, port, status, err)
				}
			}
		})
	}
}

func (s Suite) slow(t *testing.T) {
	var ports []string
	synctest.Test(t, func(t *testing.T) { ports = slices.Collect(maps.Keys(s.bench(t, patient).ports())) })
	for _, port := range ports {
		Try(t, port, func(t *testing.T) {
			b := s.bench(t, 300*time.Millisecond)
			b.broken(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // so the server notices the disconnect
				<-r.Context().Done()
			})
			begun := time.Now()
			err := b.ports()[port](t.Context())
			s.silent(t, err)
			if b.hits.Load() > 0 && !errors.Is(err, vendors.ErrNotFound) && (err == nil || vendors.ClassOf(err) != vendors.Again) {
				t.Errorf("got %v, want class again", err)
			}
			if took := time.Since(begun); took > 15*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// late checks that no port begins a call that could not end in time.
func (s Suite) late(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := s.bench(t, patient)
		b.broken(echo(http.StatusInternalServerError))
		ctx, cancel := context.WithTimeout(t.Context(), patient/2)
		defer cancel()
		for port, call := range b.ports() {
			err := call(ctx)
			if b.hits.Load() > 0 {
				t.Errorf("%s: began a call that could not end in time", port)
			}
			if !errors.Is(err, vendors.ErrLate) && !errors.Is(err, vendors.ErrNotFound) {
				t.Errorf("%s: got %v, want ErrLate", port, err)
			}
		}
	})
}
