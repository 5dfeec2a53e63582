package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// withExtension returns the creation of a user with an extension attribute that CloudEvents forbids.
func withExtension(id string) string {
	event := cloudEvent(events.UserCreated, id, `{"user_id":"`+id+`","email":"`+id+`@example.org","first_name":"Ada","last_name":"Berg"}`)
	return strings.Replace(event, `"type"`, `"event_source":"sis","type"`, 1)
}

// TestFaultyExtensions sends events with a forbidden extension over HTTP and on NATS. They are refused by
// default; with extensions: drop both are carried out, also the one of before, by its replay.
func TestFaultyExtensions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.overHTTP()
	const content = "application/cloudevents+json"
	stop := w.serveAll()
	if status, said := w.post(url+"/events", content, withExtension("door"), nil); status != http.StatusBadRequest || !strings.Contains(said, "event_source") {
		t.Errorf("got %d %s, want a refusal that names the attribute", status, said)
	}
	w.publish("user.created", withExtension("bus"))
	w.until("the dead letter", func() bool { return len(w.letters()) == 1 })
	w.until("the failure at each vendor", func() bool { return strings.Count(w.must("results", "--json"), "\n") == len(everywhere) })
	stop()

	w.environ = append(w.environ, "USHER_EXTENSIONS=drop")
	w.serve()
	w.until("the event is accepted", func() bool {
		status, _ := w.post(url+"/events", content, withExtension("door"), nil)
		return status == http.StatusAccepted
	})
	w.publish("user.created", withExtension("later"))
	w.must("dead", "replay", "--all", "--max", "10")
	for _, id := range []string{"door", "later", "bus"} {
		w.expect(id, everywhere)
	}
	w.end()
}
