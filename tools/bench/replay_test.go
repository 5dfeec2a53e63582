package bench

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPlaceholders(t *testing.T) {
	replace := placeholders(86_400, 77, time.Unix(1_796_000_000, 123_456_789))
	for text, want := range map[string]string{
		"/users?search=u77%40example.org":  "/users?search=u${user}%40example.org",
		"2205b1f27c776a6716efb86a870fe4da": "${hash}",
		`{"email":"u77@example.org","seq":"86400","sent":"1796000000123456789","at":"2026-09-02T08:00:00.000Z","from":"2026-09-02"}`: `{"email":"u${user}@example.org","seq":"${event}","sent":"${sent}","at":"${time}.000Z","from":"${date}"}`,
	} {
		if got := replace(text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestCompare checks that ids differ between two users, and pages do not.
func TestCompare(t *testing.T) {
	life := func(account, subscription string) []call {
		return []call{
			{Vendor: "v", Step: 0, Method: "POST", URL: "/v/users", answer: `{"id":` + account + `,"name":"Ada"}`},
			{Vendor: "v", Step: 1, Method: "GET", URL: "/v/users/" + account + "?page=1"},
			{Vendor: "v", Step: 1, Method: "POST", URL: "/v/subscriptions", Body: `{"user_id":` + account + `,"course_id":11}`, answer: `{"data":{"id":` + subscription + `}}`},
			{Vendor: "v", Step: 2, Method: "DELETE", URL: "/v/subscriptions/" + subscription},
		}
	}
	login := call{Vendor: "v", Method: "POST", URL: "/v/login"}
	got, err := compare([3][]call{{login, life("1", "")[0]}, life("2", "1"), life("3", "2")})
	if err != nil {
		t.Fatal(err)
	}
	want := []call{
		{Vendor: "v", Step: before, Method: "POST", URL: "/v/login"},
		{Vendor: "v", Step: 0, Method: "POST", URL: "/v/users", TakesID: true},
		{Vendor: "v", Step: 1, Method: "GET", URL: "/v/users/${0}?page=1"},
		{Vendor: "v", Step: 1, Method: "POST", URL: "/v/subscriptions", Body: `{"user_id":${0},"course_id":11}`, TakesID: true},
		{Vendor: "v", Step: 2, Method: "DELETE", URL: "/v/subscriptions/${1}"},
	}
	noAnswer := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".answer" }, cmp.Ignore())
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(call{}), noAnswer); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestReplay checks that later calls for a user contain the ids from earlier answers.
func TestReplay(t *testing.T) {
	var calls []string
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls = append(calls, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+r.Header.Get("X-Request-Id")+" "+string(body)))
		_ = json.NewEncoder(w).Encode(map[string]int{"id": 40 + len(calls)})
	}))
	defer vendor.Close()
	r := newReplay("v", []call{
		{Vendor: "v", Step: 0, Method: "POST", URL: "/users", Body: `{"name":"L${user}"}`, Header: map[string]string{"X-Request-Id": "${hash}"}, Status: 200, TakesID: true},
		{Vendor: "another", Step: 0, Method: "GET", URL: "/another", Status: 200},
		{Vendor: "v", Step: 1, Method: "GET", URL: "/users/${0}", Status: 200},
		{Vendor: "v", Step: 2, Method: "GET", URL: "/users/${0}", Status: 404},
	}, BareOptions{Vendors: strings.TrimPrefix(vendor.URL, "http://"), Concurrency: 1})
	defer r.client.CloseIdleConnections()
	for step := range 2 {
		e := bareEvent{ID: "e1"}
		e.Data.UserID = "u7"
		if err := r.step(t.Context(), step, e.values()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{`POST /users 00000000000000000000000000006531 {"name":"L7"}`, "GET /users/41"}, calls); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := r.step(t.Context(), 2, map[string]string{"user": "7"}); err == nil || !strings.Contains(err.Error(), "status 200, but recorded status 404") {
		t.Errorf("got %v, want an error with both statuses", err)
	}
}
