package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

const daprMapping = `
from:
  dapr:
    types: [com.dapr.event.sent]
    event:
      type: event.topic
      types: {user.created: user.created, user.deleted: user.deleted}
      data: {user_id: body.user_id, email: 'body.?email', first_name: 'body.?first_name', last_name: 'body.?last_name'}
`

// daprEvent is an event as Dapr's publish API wraps it.
func daprEvent(id, topic, data string) string {
	return `{"specversion":"1.0","id":"` + id + `","source":"app","type":"com.dapr.event.sent","topic":"` + topic +
		`","pubsubname":"nats","datacontenttype":"application/json","data":` + data + `}`
}

// TestForeignEventsAreMapped publishes CloudEvents of Dapr on NATS, and posts them.
func TestForeignEventsAreMapped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put(t, w.file, courses+daprMapping)
	w.must("config", "check")
	url := w.overHTTP()
	w.serve()
	w.raw(events.UserCreated, daprEvent("f1", events.UserCreated, oneUser))
	w.expect("f1", everywhere)
	two := strings.ReplaceAll(strings.ReplaceAll(oneUser, "u1", "u2"), "ann@", "bob@")
	if status, body := w.post(url+"/events", events.ContentType, daprEvent("f2", events.UserCreated, two), nil); status != http.StatusAccepted {
		t.Fatalf("got %d %s", status, body)
	}
	w.expect("f2", everywhere)
	w.raw(events.UserCreated, daprEvent("f3", "order.paid", oneUser))
	w.until("the event without a mapping is a dead letter", func() bool {
		return strings.Contains(w.must("dead", "list"), "f3")
	})
	if list := w.must("dead", "list", "--json"); !strings.Contains(list, `"rule":"mapping"`) && !strings.Contains(list, `"rule": "mapping"`) {
		t.Errorf("the dead letter does not name the mapping: %s", list)
	}
	w.end()
}
