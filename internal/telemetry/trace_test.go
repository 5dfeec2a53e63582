package telemetry_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	collectpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/telemetry"
)

const (
	key     = "dd15dda9f59f971cc72a32563b77042c"
	traceID = "0af7651916cd43dd8448eb211c80319c"
	sampled = "00-" + traceID + "-b7ad6b7169203331-01"
	muted   = "00-" + traceID + "-b7ad6b7169203331-00"
)

// shelf is what a collector was sent.
type shelf struct {
	mu    sync.Mutex
	spans []*tracepb.Span
}

// serve returns the address of a collector that keeps what it is sent.
func (s *shelf) serve(t *testing.T) string {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var request collectpb.ExportTraceServiceRequest
		body, err := io.ReadAll(r.Body)
		if err != nil || proto.Unmarshal(body, &request) != nil {
			t.Error("the body is no OTLP")
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, r := range request.ResourceSpans {
			s.spans = append(s.spans, r.ScopeSpans[0].Spans...)
		}
	}))
	t.Cleanup(web.Close)
	return web.URL
}

func traces(t *testing.T, c telemetry.TracesConfig) *telemetry.Traces {
	t.Helper()
	made, err := telemetry.NewTraces(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Close(time.Second) })
	return made
}

func event(t *testing.T, extensions ...string) events.Event {
	t.Helper()
	e, err := events.New(events.UserCreated, "/school", "1", time.Time{}, struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(extensions); i += 2 {
		e.SetExtension(extensions[i], extensions[i+1])
	}
	return e
}

func TestFollow(t *testing.T) {
	other := strings.ReplaceAll(sampled, traceID, "11111111111111111111111111111111")
	for name, test := range map[string]struct {
		event       events.Event
		header      map[string][]string
		ratio       float64
		id          string
		root, noted bool
	}{
		"the event's":                {event(t, "traceparent", sampled), map[string][]string{"traceparent": {other}}, 0, traceID, false, true},
		"the header's":               {event(t), map[string][]string{"Traceparent": {sampled}}, 0, traceID, false, true},
		"its own":                    {event(t), nil, 1, key, true, true},
		"its own, and not sampled":   {event(t), nil, 0, key, true, false},
		"not sampled where it began": {event(t, "traceparent", muted), nil, 1, traceID, false, false},
		"what is none":               {event(t, "traceparent", "00-xyz"), map[string][]string{"traceparent": {"1", "2"}}, 1, key, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			var s shelf
			made := traces(t, telemetry.TracesConfig{Endpoint: s.serve(t), Ratio: test.ratio})
			ctx := telemetry.Follow(t.Context(), test.event, test.header, key)
			ctx, span := made.Tracer().Start(ctx, "one")
			_, below := made.Tracer().Start(ctx, "below")
			if below.SpanContext().SpanID() == span.SpanContext().SpanID() {
				t.Error("two spans have one id")
			}
			below.End()
			span.End()
			made.Close(time.Second)
			if got := span.SpanContext().TraceID().String(); got != test.id {
				t.Errorf("got the trace %s, want %s", got, test.id)
			}
			if got := len(s.spans) == 2; got != test.noted {
				t.Errorf("got %d spans, want them: %v", len(s.spans), test.noted)
			}
			if test.noted && (len(s.spans[1].ParentSpanId) == 0) != test.root {
				t.Errorf("got the parent %x", s.spans[1].ParentSpanId)
			}
		})
	}
}

// TestBegin takes one event in at two processes: it carries the same both times.
func TestBegin(t *testing.T) {
	carried := func(ctx context.Context) (map[string]any, trace.SpanContext) {
		made := traces(t, telemetry.TracesConfig{Endpoint: "http://127.0.0.1:1", Ratio: 1})
		e := event(t)
		span := telemetry.Begin(ctx, made.Tracer(), key, "send")
		defer span.End()
		telemetry.Carry(span, &e)
		return e.Extensions(), span.SpanContext()
	}
	first, span := carried(t.Context())
	again, _ := carried(t.Context())
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the second differs (-first +second)\n%s", diff)
	}
	want := "00-" + key + "-" + span.SpanID().String() + "-01"
	if first["traceparent"] != want || telemetry.TraceID(want) != key {
		t.Errorf("got %v, want %s", first, want)
	}
	state := map[string][]string{"traceparent": {sampled}, "tracestate": {"a=b"}}
	client, ok := telemetry.FollowHeader(t.Context(), state)
	below, _ := carried(client)
	if !ok || telemetry.TraceID(below["traceparent"].(string)) != traceID || below["tracestate"] != "a=b" {
		t.Errorf("got %v, want the client's trace and state", below)
	}
}

// TestNoTraces shows that nothing is there to work where traces are off.
func TestNoTraces(t *testing.T) {
	made := traces(t, telemetry.TracesConfig{})
	if made != nil || made.Tracer() != nil {
		t.Errorf("got %v, want none", made)
	}
	if n := testing.AllocsPerRun(100, func() { made.Call(t.Context(), telemetry.Call{Vendor: "lead"}) }); n != 0 {
		t.Errorf("a call costs %v allocations while traces are off", n)
	}
}

// TestCallsOutsideOfAttempts makes a call that no event asked for, as when a vendor
// on hold is tried, and one for a trace that is not sampled.
func TestCallsOutsideOfAttempts(t *testing.T) {
	var s shelf
	made := traces(t, telemetry.TracesConfig{Endpoint: s.serve(t), Ratio: 1})
	made.Call(t.Context(), telemetry.Call{Vendor: "lead", Class: "ok"})
	made.Call(telemetry.Follow(t.Context(), event(t, "traceparent", muted), nil, key), telemetry.Call{Vendor: "lead", Class: "ok"})
	made.Close(time.Second)
	if len(s.spans) > 0 {
		t.Errorf("got %v, want no span", s.spans)
	}
}

// TestRedirect has a collector that sends us elsewhere: the headers, which may be
// credentials, stay.
func TestRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	web := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(web.Close)
	made := traces(t, telemetry.TracesConfig{Endpoint: web.URL, Ratio: 1, Headers: map[string]string{"api-key": "k"}, Log: zerolog.Nop()})
	_, span := made.Tracer().Start(t.Context(), "one")
	span.End()
	made.Close(time.Second)
}

// TestCollectorThatIsAway makes far more spans than the queue holds.
func TestCollectorThatIsAway(t *testing.T) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { t.Errorf("the library tells by itself: %v", err) }))
	over := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(over) })
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(refuses.Close)
	for name, endpoint := range map[string]string{"nobody is there": "http://127.0.0.1:1", "it hangs": hangs.URL, "it refuses": refuses.URL} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			made := traces(t, telemetry.TracesConfig{Endpoint: endpoint, Ratio: 1, Log: zerolog.New(&log)})
			for range 50_000 {
				_, span := made.Tracer().Start(t.Context(), "one")
				span.End()
			}
			made.Close(200 * time.Millisecond)
			if strings.Contains(log.String(), "Client.Timeout") {
				t.Error("the spans, or the end, waited for the collector as long as for any request")
			}
			if n := strings.Count(log.String(), "spans are lost"); n != 1 {
				t.Errorf("got\n%s\nwant one line", log.String())
			}
		})
	}
}
