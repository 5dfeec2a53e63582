package telemetry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/usherhq/usher/internal/telemetry"
)

// filled has every metric with a value.
func filled() *telemetry.Metrics {
	m := telemetry.New("v1.2.3")
	m.Effect("lead", "user.created", "done", "0123456789abcdef0123456789abcdef", 3*time.Second)
	m.Attempt("lead", "user.created", "again")
	m.StepFailed("lead")
	m.Removed("lead", 12)
	m.Call("lead", "ok", 20*time.Millisecond, 5)
	m.Request("/events", 202)
	m.Reused("crm", 2)
	m.Vendor("lead", func() telemetry.VendorStats {
		return telemetry.VendorStats{
			Owner: true, OnHold: true, Retries: telemetry.Waits{Users: 3},
			Unknown: telemetry.Waits{Users: 2, Since: time.Unix(1_700_000_000, 0)},
		}
	})
	m.Vendor("meiro", func() telemetry.VendorStats { return telemetry.VendorStats{} })
	m.NATS(func() bool { return true })
	m.Consumer("lead", "lifecycle", telemetry.Consumer{Pending: 7, Unfinished: 3, Oldest: time.Unix(1_700_000_000, 0)})
	m.Waiting("lead", 5)
	m.Failing("lead", true)
	m.Paused("lead", true)
	m.Stream("RESULTS", 900, 1000)
	m.Stream("TIMERS", 10, 0)
	m.Dead([]telemetry.DeadCount{{Vendor: "lead", Class: "permanent", Count: 4, Oldest: time.Unix(1_700_000_000, 0)}})
	return m
}

func scrape(t *testing.T, m *telemetry.Metrics, accept string) string {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	req.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, req)
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhatIsScraped(t *testing.T) {
	text := scrape(t, filled(), "text/plain")
	for _, want := range []string{
		`usher_effects_total{outcome="done",type="user.created",vendor="lead"} 1`,
		`usher_attempts_failed_total{class="again",type="user.created",vendor="lead"} 1`,
		`usher_nats_step_failures_total{vendor="lead"} 1`,
		`usher_reused_ids_total{sender="crm"} 2`,
		`usher_nats_step_failures_total{vendor="meiro"} 0`,
		`usher_unread_messages_removed_total{vendor="lead"} 12`,
		`usher_effect_age_seconds_bucket{type="user.created",vendor="lead",le="5"} 1`,
		`usher_vendor_call_seconds_count{class="ok",vendor="lead"} 1`,
		`usher_vendor_rate_limit{vendor="lead"} 5`,
		`usher_http_requests_total{route="/events",status="202"} 1`,
		`usher_vendor_on_hold{vendor="lead"} 1`,
		`usher_vendor_on_hold{vendor="meiro"} 0`,
		`usher_unknown_outcomes{vendor="lead"} 2`,
		`usher_unknown_outcomes_oldest_timestamp_seconds{vendor="lead"} 1.7e+09`,
		`usher_retries_waiting{vendor="lead"} 3`,
		`usher_retries_oldest_timestamp_seconds{vendor="meiro"} 0`,
		`usher_nats_connected 1`,
		`usher_consumer_pending{consumer="lifecycle",vendor="lead"} 7`,
		`usher_vendor_waiting{vendor="lead"} 5`,
		`usher_vendor_failing{vendor="lead"} 1`,
		`usher_vendor_paused{vendor="lead"} 1`,
		`usher_stream_bytes{stream="RESULTS"} 900`,
		`usher_stream_bytes{stream="TIMERS"} 10`,
		`usher_stream_max_bytes{stream="RESULTS"} 1000`,
		`usher_vendor_owner{vendor="lead"} 1`,
		`usher_vendor_owner{vendor="meiro"} 0`,
		`usher_dead_letters{class="permanent",vendor="lead"} 4`,
		`usher_build_info{version="v1.2.3"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("want %s in\n%s", want, text)
		}
	}
	if exemplar := scrape(t, filled(), "application/openmetrics-text"); !strings.Contains(exemplar, `# {event_key="0123456789abcdef0123456789abcdef"} 3.0`) {
		t.Errorf("want an exemplar of the effect's age in\n%s", exemplar)
	}
}

func TestARemovedConsumerIsNotShown(t *testing.T) {
	m := filled()
	m.NoConsumer("lead", "lifecycle")
	if text := scrape(t, m, "text/plain"); strings.Contains(text, "usher_consumer_") {
		t.Errorf("want nothing of the consumer in\n%s", text)
	}
}

// TestNamesAndUnits asks the linter of promtool check metrics.
func TestNamesAndUnits(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(scrape(t, filled(), "text/plain"))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestExemplarsOfBuckets holds that a bucket gets an exemplar once a second, and that many effects of one
// age hide no effect of another.
func TestExemplarsOfBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := telemetry.New("v1")
		m.Effect("lead", "user.created", "done", "first", 3*time.Second)
		m.Effect("lead", "user.created", "done", "same bucket", 2*time.Second)
		m.Effect("lead", "user.created", "done", "slow", time.Minute)
		m.Effect("lead", "user.deleted", "done", "other type", 2*time.Second)
		time.Sleep(time.Second)
		m.Effect("lead", "user.deleted", "done", "a second later", 2*time.Second)
		text := scrape(t, m, "application/openmetrics-text")
		for key, want := range map[string]bool{"first": true, "same bucket": false, "slow": true, "other type": false, "a second later": true} {
			if got := strings.Contains(text, `{event_key="`+key+`"}`); got != want {
				t.Errorf("exemplar %q: got %t, want %t", key, got, want)
			}
		}
	})
}
