package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// TestWaitingUsersBlockNobody has enrollments of users whom nobody has created, at two
// vendors: status counts them, everybody else goes on, and in the end they are dead letters.
func TestWaitingUsersBlockNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = append(w.environ, "USHER_WORKER_PREREQUISITE_WAIT=10s", "USHER_WORKER_RETRY_MIN=100ms")
	w.serve()
	const waiting = 8
	var lines strings.Builder
	for i := range waiting {
		fmt.Fprintln(&lines, cloudEvent(events.EnrollmentRequested, fmt.Sprint("early-", i), fmt.Sprintf(`{"user_id":"early%d","course_id":"go-basics"}`, i)))
	}
	fmt.Fprintln(&lines, cloudEvent(events.UserCreated, "ada", `{"user_id":"ada","email":"ada@example.org"}`))
	if _, err := w.feed(lines.String(), "send", "-"); err != nil {
		t.Fatal(err)
	}
	for _, vendor := range []string{"miestro", "lead"} {
		w.until("the users wait at "+vendor, func() bool {
			s, _ := w.standing()
			return at(s, vendor).Waiting == waiting && at(s, vendor).Pending == 0
		})
	}
	w.expect("ada", map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "done"})
	w.until("every early enrollment is a dead letter of both vendors", func() bool {
		return strings.Count(w.must("dead", "list", "--json"), `"class"`) == 2*waiting
	})
	w.until("nobody waits", func() bool { s, _ := w.standing(); return at(s, "miestro").Waiting+at(s, "lead").Waiting == 0 })
	w.end()
}

// TestStatusOfVendorWithoutProcess has no process for any vendor: the one that takes events says
// what waits for each, and that nobody serves it.
func TestStatusOfVendorWithoutProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("nats", "apply")
	url := w.overHTTP()
	w.environ = append(w.environ, "USHER_WORKER_ON=false")
	w.serve()
	if status, body := w.post(url+"/events", events.ContentType, cloudEvent(events.UserCreated, "c1", oneUser), nil); status != http.StatusAccepted {
		t.Fatalf("got %d %s, want 202", status, body)
	}
	var text string
	w.until("/metrics tells what waits for lead", func() bool {
		_, text = w.get(url + "/metrics")
		return strings.Contains(text, `usher_consumer_pending{consumer="lifecycle",vendor="lead"} 1`+"\n")
	})
	for _, none := range []string{"usher_vendor_on_hold", `usher_consumer_pending{consumer="activity",vendor="lead"}`} {
		if strings.Contains(text, none) {
			t.Errorf("/metrics has %s", none)
		}
	}
	w.end()
}
