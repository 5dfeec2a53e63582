package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors/sandbox"
)

// TestMetrics scrapes a serve that has worked, at which one vendor refuses us and
// one event is at fault.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.overHTTP()
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, "USHER_MIESTRO_API_SECRET=") })
	w.environ = append(w.environ, "USHER_MIESTRO_API_SECRET="+sandbox.WrongCredential, "USHER_WORKER_HOLD_RETRY=1h")
	w.serve()
	if status, body := w.post(url+"/events", events.ContentType, cloudEvent(events.UserCreated, "m1", oneUser), nil); status != http.StatusAccepted {
		t.Fatalf("got %d %s, want 202", status, body)
	}
	w.until("four vendors are done, and one is on hold", func() bool {
		return len(w.outcomes("m1")) == 4 && strings.Contains(w.log.String(), "vendor on hold")
	})
	for _, want := range []string{
		`usher_effects_total{outcome="done",type="user.created",vendor="lead"} 1`,
		`usher_vendor_on_hold{vendor="miestro"} 1`,
		`usher_vendor_on_hold{vendor="lead"} 0`,
		`usher_attempts_failed_total{class="unusable",type="user.created",vendor="miestro"} 1`,
		`usher_http_requests_total{route="/events",status="202"} 1`,
		`usher_retries_waiting{vendor="miestro"} 1`,
		`usher_nats_connected 1`,
		`usher_vendor_waiting{vendor="miestro"} 1`,
		`usher_vendor_waiting{vendor="lead"} 0`,
		`usher_vendor_failing{vendor="miestro"} 0`,
		`usher_vendor_owner{vendor="miestro"} 1`,
		`usher_vendor_paused{vendor="miestro"} 0`,
		`usher_consumer_pending{consumer="lifecycle",vendor="miestro"} 0`,
		`usher_vendor_call_seconds_count{class="ok",vendor="lead"}`,
	} {
		w.until("/metrics has "+want, func() bool {
			status, text := w.get(url + "/metrics")
			return status == http.StatusOK && strings.Contains(text, want)
		})
	}
	if _, text := w.get(url + "/metrics"); strings.Contains(text, "ann@") || strings.Contains(text, `"u1"`) {
		t.Error("a user stands in the metrics")
	}
	w.end()
}
