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

func TestBlank(t *testing.T) {
	sent := time.Unix(1_796_000_000, 123_456_789)
	got := blank([]call{{
		URL:    "/users?search=u77%40example.org",
		Header: map[string]string{"X-Request-Id": "2205b1f27c776a6716efb86a870fe4da"},
		Body:   `{"email":"u77@example.org","seq":"86400","sent":"1796000000123456789","at":"2026-09-02T08:00:00.000Z","from":"2026-09-02"}`,
	}}, 86_400, 77, sent)
	want := []call{{
		URL:    "/users?search=u{user}%40example.org",
		Header: map[string]string{"X-Request-Id": "{hash}"},
		Body:   `{"email":"u{user}@example.org","seq":"{event}","sent":"{sent}","at":"{time}.000Z","from":"{date}"}`,
	}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(call{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Two users' calls show which numbers are ids: an id differs, and a page does not.
func TestCompare(t *testing.T) {
	life := func(account, subscription string) [][]call {
		return [][]call{
			{{Method: "POST", URL: "/v/users", answer: `{"id":` + account + `,"name":"Ada"}`}},
			{
				{Method: "GET", URL: "/v/users/" + account + "?page=1"},
				{Method: "POST", URL: "/v/subscriptions", Body: `{"user_id":` + account + `,"course_id":11}`, answer: `{"data":{"id":` + subscription + `}}`},
			},
			{{Method: "DELETE", URL: "/v/subscriptions/" + subscription}},
		}
	}
	var lives [3]map[string][][]call
	lives[0] = map[string][][]call{"v": {append([]call{{Method: "POST", URL: "/v/login"}}, life("1", "")[0]...)}}
	lives[1], lives[2] = map[string][][]call{"v": life("2", "1")}, map[string][][]call{"v": life("3", "2")}
	got, err := compare(Load{Vendors: []string{"v"}}, lives)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]recording{"v": {Once: []call{{Method: "POST", URL: "/v/login"}}, Steps: [][]call{
		{{Method: "POST", URL: "/v/users", TakesID: true}},
		{{Method: "GET", URL: "/v/users/{0}?page=1"}, {Method: "POST", URL: "/v/subscriptions", Body: `{"user_id":{0},"course_id":11}`, TakesID: true}},
		{{Method: "DELETE", URL: "/v/subscriptions/{1}"}},
	}}}
	noAnswer := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".answer" }, cmp.Ignore())
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(call{}), noAnswer); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// The ids in the answers for one user appear in the later calls for that user.
func TestReplay(t *testing.T) {
	var calls []string
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls = append(calls, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+r.Header.Get("X-Request-Id")+" "+string(body)))
		_ = json.NewEncoder(w).Encode(map[string]int{"id": 40 + len(calls)})
	}))
	defer vendor.Close()
	r := newReplay(recording{Steps: [][]call{
		{{Method: "POST", URL: "/users", Body: `{"name":"L{user}"}`, Header: map[string]string{"X-Request-Id": "{hash}"}, Status: 200, TakesID: true}},
		{{Method: "GET", URL: "/users/{0}", Status: 200}},
		{{Method: "GET", URL: "/users/{0}", Status: 404}},
	}}, strings.TrimPrefix(vendor.URL, "http://"), 1)
	defer r.client.CloseIdleConnections()
	for step, user := range []string{"7", "7"} {
		e := bareEvent{ID: "e1"}
		e.Data.UserID = "u" + user
		if err := r.step(t.Context(), step, e.values()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{`POST /users 00000000000000000000000000006531 {"name":"L7"}`, "GET /users/41"}, calls); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := r.step(t.Context(), 2, &values{"7"}); err == nil || !strings.Contains(err.Error(), "status 200, recorded was 404") {
		t.Errorf("got %v, want that the status is not the recorded one", err)
	}
}
