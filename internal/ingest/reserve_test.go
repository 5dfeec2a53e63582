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
