package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// lateCRM is a sender whose deliveries come late; %s is the secret.
const lateCRM = courses + `
order: {/webhooks/crm: time}
webhooks:
  crm:
    scheme: standard
    secrets: ["whsec_%s"]
    event:
      type: body.type
      types: {contact.new: user.created, contact.gone: user.deleted}
      time: body.at
      data: {user_id: body.id, email: body.mail}
`

// TestLateDeliveries has a creation come after the deletion that followed it, and a producer on
// NATS use the source of the deliveries.
func TestLateDeliveries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.overHTTP()
	w.environ = append(w.environ, "USHER_NATS_EVENTS_KEYS=only-for-these-tests")
	if err := os.WriteFile(w.file, fmt.Appendf(nil, lateCRM, base64.StdEncoding.EncodeToString([]byte(secret))), 0o600); err != nil {
		t.Fatal(err)
	}
	w.serve()
	deliver := func(id, kind, at string) {
		t.Helper()
		body := fmt.Sprintf(`{"type":%q,"at":"2026-09-01T%s:00Z","id":"u1","mail":"ann@example.org"}`, kind, at)
		if status, answer := w.deliver(url, id, body); status != http.StatusAccepted {
			t.Fatalf("%s: got %d %s", id, status, answer)
		}
	}
	deliver("d1", "contact.new", "10:00")
	w.expect("d1", everywhere)
	deliver("d2", "contact.gone", "13:00")
	w.until("the deletion is made", func() bool { return len(w.outcomes("d2")) == len(everywhere) })
	deliver("d3", "contact.new", "09:00")
	w.expect("d3", map[string]string{"miestro": "superseded", "meiro": "superseded", "lead": "superseded", "magloft": "superseded", "usermost": "superseded"})
	if out := w.must("results", "--json", "--type", events.UserCreated); strings.Count(out, `"reason":"older"`) != len(everywhere) {
		t.Errorf("got %s, want the reason of each vendor", out)
	}

	forged := strings.Replace(cloudEvent(events.UserCreated, "d4", oneUser), `"/school"`, `"/webhooks/crm"`, 1)
	if _, err := w.jetStream(w.nats).Publish(t.Context(), events.UserCreated, []byte(forged)); err != nil {
		t.Fatal(err)
	}
	var letters []struct{ Rule, Pointer, Source string }
	w.until("the forged event is a dead letter", func() bool {
		letters = nil
		return json.Unmarshal([]byte(w.must("dead", "list", "--json")), &letters) == nil && len(letters) == 1
	})
	for _, l := range letters {
		if l.Rule != events.RuleSeal || l.Pointer != "/source" {
			t.Errorf("got %+v, want the rule %s", l, events.RuleSeal)
		}
	}
	w.end()
}
