package sandbox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors/sandbox"
)

func TestControl(t *testing.T) {
	_, url := serve(t, sandbox.Config{})
	for _, step := range []struct {
		path   string
		status int // of a call to Miestro from then on
	}{
		{"/control/miestro?mode=refuse&for=1m", http.StatusUnauthorized},
		{"/control/miestro?mode=down&for=1m", 0},
		{"/control/miestro?mode=ok", http.StatusOK},
		{"/control/usermost?mode=down&for=1m", http.StatusOK},
	} {
		if status, _, body := call(t, http.MethodPost, url+step.path, ""); status != http.StatusNoContent {
			t.Fatalf("%s: got %d %s, want 204", step.path, status, body)
		}
		if status, _, body := call(t, http.MethodGet, url+users, ""); status != step.status {
			t.Errorf("a call after %s: got %d %s, want %d", step.path, status, body, step.status)
		}
	}
}

func TestControlRefuses(t *testing.T) {
	_, url := serve(t, sandbox.Config{})
	for name, path := range map[string]string{
		"a vendor that it does not have": "/control/acme?mode=down&for=1s",
		"a mode that it does not have":   "/control/lead?mode=slow&for=1s",
		"a status that is no refusal":    "/control/lead?mode=trouble&status=200&for=1s",
		"what is no status":              "/control/lead?mode=trouble&status=bad&for=1s",
		"a delay below zero":             "/control/lead?mode=trouble&delay=-1s&for=1s",
		"trouble at no vendor":           "/control/acme?mode=trouble&status=500&for=1s",
		"what is no duration":            "/control/lead?mode=down&for=long",
		"a duration below zero":          "/control/lead?mode=down&for=-1s",
	} {
		t.Run(name, func(t *testing.T) {
			if status, _, body := call(t, http.MethodPost, url+path, ""); status != http.StatusBadRequest {
				t.Errorf("got %d %s, want 400", status, body)
			}
		})
	}
}

// A trouble affects the users whose id or e-mail it names, and nobody else.
func TestTroubleOfSomeUsers(t *testing.T) {
	const create = `{"name":"Ada","password":"p","email":"ada@%s.example.org"}`
	_, url := serve(t, sandbox.Config{})
	control := func(query string) {
		t.Helper()
		if status, _, body := call(t, http.MethodPost, url+"/control/miestro?"+query, ""); status != http.StatusNoContent {
			t.Fatalf("%s: got %d %s, want 204", query, status, body)
		}
	}
	control("mode=trouble&user=%40sick.&status=429&retry_after=60s&for=1m")
	for name, test := range map[string]struct {
		method, path, user string
		status             int
	}{
		"in the body":  {http.MethodPost, "", "sick", http.StatusTooManyRequests},
		"in the query": {http.MethodGet, "?query%5B%5D=search%3Dada%40sick.example.org", "", http.StatusTooManyRequests},
		"of nobody":    {http.MethodPost, "", "well", http.StatusOK},
	} {
		body := ""
		if test.user != "" {
			body = fmt.Sprintf(create, test.user)
		}
		status, header, text := call(t, test.method, url+users+test.path, body)
		if status != test.status || (header.Get("Retry-After") == "60") != (status == http.StatusTooManyRequests) {
			t.Errorf("%s: got %d %v %s, want %d", name, status, header, text, test.status)
		}
	}
	control("mode=ok")
	if status, _, body := call(t, http.MethodPost, url+users, fmt.Sprintf(create, "sick")); status != http.StatusOK {
		t.Errorf("after the trouble: got %d %s, want 200", status, body)
	}
}

// A trouble may be a delay alone: the call is answered as it should be.
func TestTroubleDelaysCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := sandbox.New(sandbox.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetTrouble("miestro", sandbox.Trouble{Delay: 20 * time.Millisecond}, time.Minute); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, users, nil)
		r.Header.Set("X-Forward-Api-Key", sandbox.MiestroAPIKey)
		r.Header.Set("X-Forward-Api-Secret", sandbox.MiestroAPISecret)
		begun, w := time.Now(), httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if took := time.Since(begun); w.Code != http.StatusOK || took != 20*time.Millisecond {
			t.Errorf("got %d after %s, want 200 after 20ms", w.Code, took)
		}
	})
}
