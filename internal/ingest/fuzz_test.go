package ingest_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzEndpoint sends any bytes on any route as an allowed client. No answer is a 5xx or a
// redirect, and the answer lists exactly the stored events.
func FuzzEndpoint(f *testing.F) {
	f.Add("POST", "/events", structured, "", "", created)
	f.Add("POST", "/events", batch, "", "", "["+created+"]")
	f.Add("POST", "/events", "application/json", "ce-type", "user.created", `{"user_id":"ada"}`)
	f.Add("POST", "/events?access_token=%zz", structured, "ce-:", "%C0%A0", created)
	f.Add("OPTIONS", "/events", "", "WebHook-Request-Rate", "-1", "")
	f.Add("POST", "/webhooks/crm", "application/json", "Signature", "right", `{"type":"ping"}`)
	f.Add("GET", "/schemas/user.created", "", "", "", "")
	for _, text := range hostileJSON(3000) {
		for _, r := range hostileRequests(text) {
			if r.header.Get("Ce-Id") == "" && len(r.body) < 16<<10 {
				f.Add(r.method, r.target, r.header.Get("Content-Type"), "Signature", "right", r.body)
			}
		}
	}
	c := config()
	c.Rate = 0
	s := &fakeStream{}
	h := endpoint(f, c, s)
	f.Fuzz(func(t *testing.T, method, target, contentType, name, value, body string) {
		s.ids = nil
		r := request{method, target, headers("Authorization", bearer, "WebHook-Request-Origin", "events.example.org"), body}
		r.header["Content-Type"] = []string{contentType}
		if name != "" {
			r.header[http.CanonicalHeaderKey(name)] = []string{value}
		}
		if _, err := http.NewRequestWithContext(t.Context(), method, "http://usher.test/", nil); err != nil {
			return // no server accepts this method
		}
		res := ask(h, r)
		text := res.Body.Bytes()
		if res.Code >= 500 || res.Code/100 == 3 {
			t.Errorf("got status %d", res.Code)
		}
		var answer struct{ Accepted []string }
		if res.Code == http.StatusAccepted {
			if err := json.Unmarshal(text, &answer); err != nil {
				t.Errorf("the answer is no JSON: %v", err)
			}
		}
		if len(answer.Accepted) == 0 {
			answer.Accepted = nil
		}
		if diff := cmp.Diff(answer.Accepted, s.ids); diff != "" {
			t.Errorf("stored (-answered +stored)\n%s", diff)
		}
	})
}
