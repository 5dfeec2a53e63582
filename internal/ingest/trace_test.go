package ingest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/telemetry"
	"github.com/usherhq/usher/schemas"
)

const client = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// parentRecorder is a fakeStream that records the traceparents of events.
type parentRecorder struct {
	fakeStream
	parents []string
}

func (c *parentRecorder) StoreFrom(ctx context.Context, from events.Channel, list []events.Event) error {
	for _, e := range list {
		c.parents = append(c.parents, events.Extension(e, "traceparent"))
	}
	return c.fakeStream.StoreFrom(ctx, from, list)
}

// TestTraceContextOfEvents has a case for each origin of a trace context.
func TestTraceContextOfEvents(t *testing.T) {
	made, err := telemetry.NewTraces(telemetry.TracesConfig{Endpoint: "http://127.0.0.1:1", Ratio: 1, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Close(time.Second) })
	own := strings.Replace(created, `{`, `{"traceparent":"00-11111111111111111111111111111111-2222222222222222-01",`, 1)
	e1, e2 := events.Key("/school", "e1"), events.Key("/school", "e2")
	begun := func(key string) string { return "00-" + key + "-" + key[:16] + "-01" }
	for name, test := range map[string]struct {
		tracer trace.Tracer
		target string
		header string
		kind   string
		body   string
		want   []string
	}{
		"traces are off":    {nil, "/events", client, events.ContentType, created, []string{""}},
		"none":              {made.Tracer(), "/events", "", events.ContentType, created, []string{begun(e1)}},
		"of the request":    {made.Tracer(), "/events", client, events.ContentType, created, []string{client[:36] + e1[:16] + "-01"}},
		"not sampled":       {made.Tracer(), "/events", client[:53] + "00", events.ContentType, created, []string{client[:36] + e1[:16] + "-00"}},
		"of the event":      {made.Tracer(), "/events", client, events.ContentType, own, []string{"00-11111111111111111111111111111111-2222222222222222-01"}},
		"a batch of two":    {made.Tracer(), "/events", "", events.BatchContentType, "[" + created + "," + numbered("e2") + "]", []string{begun(e1), begun(e2)}},
		"of a web hook":     {made.Tracer(), "/webhooks/crm", client, "application/json", `{"user":"ada","email":"ada@example.org"}`, []string{client[:36] + events.Key("/webhooks/crm", "w1")[:16] + "-01"}},
		"too large to grow": {made.Tracer(), "/events", client, events.ContentType, strings.Replace(created, `"data":{`, `"data":{"note":"`+strings.Repeat("a", 1<<20-6<<10)+`",`, 1), []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := schemas.New()
			if err != nil {
				t.Fatal(err)
			}
			var s parentRecorder
			c := config()
			c.MaxBody = 1 << 20
			h := ingest.New(c, ingest.Deps{Stream: &s, Failed: &s, Validate: set.Validate, Tracer: test.tracer, Log: zerolog.Nop()})
			header := http.Header{
				"Authorization": {"Bearer token-of-one-who-may-all"}, "Content-Type": {test.kind},
				"Signature": {"right"}, "Webhook-Id": {"w1"}, "Traceparent": {test.header},
			}
			for range 2 { // a repeated event gets the same context
				if w := ask(h, request{http.MethodPost, test.target, header, test.body}); w.Code != http.StatusAccepted {
					t.Fatalf("got %d %s", w.Code, w.Body)
				}
			}
			if diff := cmp.Diff(append(test.want, test.want...), s.parents); diff != "" {
				t.Errorf("traceparents (-want +got)\n%s", diff)
			}
		})
	}
}
