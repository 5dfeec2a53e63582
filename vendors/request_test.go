package vendors_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/usherhq/usher/vendors"
)

// An id must not lead to another resource of the vendor, whatever the server makes of the path.
func TestPathsLeadNowhereElse(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	defer server.Close()
	client := vendors.NewClient("lantern", vendors.Options{BaseURL: server.URL + "/../v1"}, nil)
	for _, path := range []string{"/users/..", "/users/.", "/users/../7", "/users/..%2Fcourses%2F7", "/users/7%2F..%2F8", `/users/..%5C8`, "/users/..%3Bx/8", "/users/%2e%2e"} {
		err := client.Do(t.Context(), vendors.Call{Op: "delete user", Method: http.MethodDelete, Path: path})
		if vendors.ClassOf(err) != vendors.Permanent || err == nil || calls.Load() != 0 {
			t.Errorf("%s: got %v after %d calls, want a permanent error without a call", path, err, calls.Load())
		}
	}
	for _, path := range []string{"/users/7", "/users/...", "/users/a..b", "/users/group%2Fproject", "/users/"} {
		if err := client.Do(t.Context(), vendors.Call{Op: "delete user", Method: http.MethodDelete, Path: path}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A value of an event that no header can carry is a fault of the event. A credential with such a value
// is a fault of the configuration.
func TestHeadersWithControlCharacters(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	defer server.Close()
	for name, test := range map[string]struct {
		value, token string
		want         vendors.Class
	}{
		"of an event": {"a\r\nX-Admin: 1", "token", vendors.Permanent}, "a zero byte": {"a\x00b", "token", vendors.Permanent},
		"of a credential": {"a", "to\nken", vendors.Unusable},
	} {
		t.Run(name, func(t *testing.T) {
			client := vendors.NewClient("lantern", vendors.Options{BaseURL: server.URL}, vendors.StaticAuth{"Authorization": vendors.Secret("Bearer " + test.token)})
			err := client.Do(t.Context(), vendors.Call{Op: "create user", Method: http.MethodPost, Path: "/users", Header: http.Header{"X-Name": {test.value}}})
			if err == nil || vendors.ClassOf(err) != test.want || vendors.IsUnknown(err) || calls.Load() != 0 {
				t.Errorf("got %v of class %s after %d calls, want class %s without a call", err, vendors.ClassOf(err), calls.Load(), test.want)
			}
			if err != nil && strings.Contains(err.Error(), test.value) && len(test.value) > 1 {
				t.Errorf("the error shows the value: %q", err)
			}
		})
	}
}

// A redirect of the vendor must take neither the credentials nor the data of a user to another server.
func TestRedirectsLeadNowhereElse(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(status)
		}))
		defer vendor.Close()
		for name, auth := range map[string]vendors.Auth{
			"a call":   vendors.StaticAuth{"Authorization": "Bearer token"},
			"a log-in": vendors.ClientCredentials{Vendor: "lantern", TokenURL: vendor.URL, ID: "client", Secret: "secret"}.Auth(vendors.Options{}),
		} {
			client := vendors.NewClient("lantern", vendors.Options{BaseURL: vendor.URL}, auth)
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				err := client.Do(t.Context(), vendors.Call{Op: "find", Method: method, Path: "/users", Form: map[string][]string{"email": {"ada@example.org"}}})
				if vendors.ClassOf(err) != vendors.Unusable || elsewhere.Load() != 0 {
					t.Errorf("%s, %s %d: got %v and %d calls elsewhere, want an unusable vendor and none", name, method, status, err, elsewhere.Load())
				}
			}
		}
	}
}
