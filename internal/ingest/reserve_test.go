package ingest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/ingest"
)

// The last room of the stream is for the senders that have not filled the stream.
func TestLastRoomIsForOthers(t *testing.T) {
	const large = 10_000
	long := strings.Replace(created, `"ada"`, `"ada","attributes":{"note":"`+strings.Repeat("x", 200)+`"}`, 1)
	other := request{http.MethodPost, "/events", headers("Content-Type", structured, "Authorization", "Bearer token-of-the-crm-only-00"), strings.Replace(created, "/school", "/crm", 1)}
	for name, test := range map[string]struct {
		left, limit int64
		alone       bool
		want        int // the status for the sender that has stored most
	}{
		"there is room":      {large / 10, large, false, http.StatusAccepted},
		"no limit":           {0, 0, false, http.StatusAccepted},
		"nearly full":        {large/20 - 1, large, false, http.StatusTooManyRequests},
		"little was stored":  {large, 100 * large, false, http.StatusAccepted},
		"nobody else can be": {large/20 - 1, large, true, http.StatusAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			c := config()
			if test.alone {
				c.Clients, c.Webhooks = c.Clients[:1], map[string]ingest.Webhook{}
			}
			s := &fakeStream{}
			h := endpoint(t, c, s)
			if got := ask(h, post(structured, long)).Code; got != http.StatusAccepted {
				t.Fatalf("got status %d before, want 202", got)
			}
			s.left, s.limit = test.left, test.limit
			w := ask(h, post(structured, long))
			if w.Code != test.want || (w.Header().Get("Retry-After") == "600") != (test.want != http.StatusAccepted) {
				t.Errorf("got status %d, Retry-After %q, want %d", w.Code, w.Header().Get("Retry-After"), test.want)
			}
			if test.alone {
				return
			}
			if got := ask(h, other).Code; got != http.StatusAccepted {
				t.Errorf("got status %d for another client, want 202", got)
			}
			if got := ask(h, request{http.MethodPost, "/webhooks/crm", headers("Signature", "right", "Webhook-Id", fmt.Sprint("d", test.want)), `{"user":"ada","email":"ada@example.org","type":"user.created"}`}).Code; got != http.StatusAccepted {
				t.Errorf("got status %d for a web hook, want 202", got)
			}
		})
	}
}

// The last room of the dead letters is for the workers and for other senders.
func TestLastRoomOfDeadLettersIsForOthers(t *testing.T) {
	const large = 400_000
	unmappable := func(sender, id string) request {
		return request{http.MethodPost, "/webhooks/" + sender, headers("Signature", "right", "Webhook-Id", id), `{"user":"ada","email":"nobody","note":"` + strings.Repeat("x", 3000) + `"}`}
	}
	for name, test := range map[string]struct {
		left, limit int64
		alone       bool
		want        int // for the web hook that has stored most
	}{
		"there is room":             {large / 10, large, false, http.StatusAccepted},
		"no limit":                  {0, 0, false, http.StatusAccepted},
		"little was stored":         {large, 100 * large, false, http.StatusAccepted},
		"nearly full":               {large/20 - 1, large, false, http.StatusTooManyRequests},
		"nearly full, the only one": {large/20 - 1, large, true, http.StatusTooManyRequests},
	} {
		t.Run(name, func(t *testing.T) {
			c := config()
			if test.alone {
				delete(c.Webhooks, "strict")
			}
			s := &fakeStream{}
			h := endpoint(t, c, s)
			if got := ask(h, unmappable("crm", "d1")).Code; got != http.StatusAccepted {
				t.Fatalf("got status %d before, want 202", got)
			}
			s.deadLeft, s.deadLimit = test.left, test.limit
			w := ask(h, unmappable("crm", "d2"))
			if w.Code != test.want || (w.Header().Get("Retry-After") == "600") != (test.want != http.StatusAccepted) {
				t.Errorf("got status %d, Retry-After %q, want %d", w.Code, w.Header().Get("Retry-After"), test.want)
			}
			if want := map[bool]int{true: 2, false: 1}[test.want == http.StatusAccepted]; len(s.kept) != want {
				t.Errorf("got %d dead letters, want %d", len(s.kept), want)
			}
			valid := request{http.MethodPost, "/webhooks/crm", headers("Signature", "right", "Webhook-Id", "d3"), `{"user":"ada","email":"ada@example.org"}`}
			if got := ask(h, valid).Code; got != http.StatusAccepted {
				t.Errorf("got status %d for a valid delivery, want 202", got)
			}
			if test.alone {
				return
			}
			if got := ask(h, unmappable("strict", "d4")).Code; got != http.StatusUnprocessableEntity {
				t.Errorf("got status %d for another web hook, want 422 and a dead letter", got)
			}
		})
	}
}
