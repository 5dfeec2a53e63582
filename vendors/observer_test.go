package vendors_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usherhq/usher/vendors"
)

// TestSeen makes calls that are answered, refused and never sent.
func TestSeen(t *testing.T) {
	type mark struct{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Traceparent") != "" {
			t.Error("a vendor received our trace")
		}
		if strings.HasPrefix(r.URL.Path, "/none") {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(web.Close)
	var seen []vendors.CallInfo
	c := vendors.NewClient("acme", vendors.Options{BaseURL: web.URL, Timeout: time.Minute, Rate: 9, Observe: func(ctx context.Context, s vendors.CallInfo) {
		if ctx.Value(mark{}) == nil || s.Begun.IsZero() {
			t.Error("the context is not that of the call, or it has no beginning")
		}
		seen = append(seen, s)
	}}, nil)
	ctx := context.WithValue(t.Context(), mark{}, true)
	_ = c.Do(ctx, vendors.Call{Op: "find user", Method: http.MethodGet, Path: "/users/ann"})
	_ = c.Do(ctx, vendors.Call{Op: "create user", Method: http.MethodPost, Path: "/none"})
	late, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	_ = c.Do(late, vendors.Call{Op: "delete user", Method: http.MethodDelete, Path: "/late"})
	host := strings.TrimPrefix(web.URL, "http://")
	want := []vendors.CallInfo{
		{Op: "find user", Method: "GET", Host: host, Status: 200, Class: "ok", Rate: 9},
		{Op: "create user", Method: "POST", Host: host, Status: 404, Class: "permanent", Rate: 9},
	}
	if diff := cmp.Diff(want, seen, cmpopts.IgnoreFields(vendors.CallInfo{}, "Begun", "Took")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
