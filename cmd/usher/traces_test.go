package main

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	collectpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/vendors/sandbox"
)

// collector takes spans as OTLP over HTTP.
type collector struct {
	url string

	mu    sync.Mutex
	raw   bytes.Buffer
	spans []*tracepb.Span
	team  string // a header that came with them
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collectpb.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &request)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			http.Error(w, "no spans", http.StatusBadRequest)
			return
		}
		c.take(body, &request, r.Header.Get("X-Team"))
	}))
	t.Cleanup(web.Close)
	c.url = web.URL
	return c
}

func (c *collector) take(body []byte, request *collectpb.ExportTraceServiceRequest, team string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	c.team = team
	for _, r := range request.ResourceSpans {
		for _, s := range r.ScopeSpans {
			c.spans = append(c.spans, s.Spans...)
		}
	}
}

// find returns the spans of a trace that have this name and this parent; an empty
// parent is none, "*" is any.
func (c *collector) find(traceID, parent, name string) (found []*tracepb.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if hexOf(s.TraceId) == traceID && (parent == "*" || hexOf(s.ParentSpanId) == parent) && strings.HasPrefix(s.Name, name) {
			found = append(found, s)
		}
	}
	return found
}

func hexOf(id []byte) string { return hex.EncodeToString(id) }

// attribute is a span's attribute as text, "" where it has none of that name.
func attribute(s *tracepb.Span, name string) string {
	for _, a := range s.Attributes {
		if a.Key == name {
			if text := a.Value.GetStringValue(); text != "" {
				return text
			}
			return strings.TrimPrefix(a.Value.String(), "int_value:")
		}
	}
	return ""
}

// traced is a world whose serve sends traces, and at which miestro refuses us.
func traced(t *testing.T, endpoint string) (w *world, url string) {
	t.Helper()
	w = newWorld(t)
	url = w.overHTTP()
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, "USHER_MIESTRO_API_SECRET=") })
	w.environ = append(w.environ, "USHER_MIESTRO_API_SECRET="+sandbox.WrongCredential,
		"USHER_TRACES_ENDPOINT="+endpoint, "USHER_TRACES_HEADERS=x-team=blue")
	w.serve()
	return w, url
}

// publish publishes a message as a producer who knows nothing of traces.
func (w *world) publish(subject, text string) {
	w.t.Helper()
	nc, err := nats.Connect(w.nats)
	if err != nil {
		w.t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Request(subject, []byte(text), natstest.Patience); err != nil {
		w.t.Fatal(err)
	}
}

const (
	nobody     = "user-whom-no-span-may-name"
	clientsID  = "0af7651916cd43dd8448eb211c80319c"
	clientSpan = "b7ad6b7169203331"
	mutedID    = "0af7651916cd43dd8448eb2100000000"
	oneNobody  = `{"user_id":"` + nobody + `","email":"annunziata@example.org","first_name":"Annunziata","last_name":"Lee"}`
)

// TestTraces follows events from their producer to their results: one posted with
// a traceparent, one published without, one that its producer does not sample,
// and one that cannot be carried out.
func TestTraces(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	w, url := traced(t, c.url)
	header := http.Header{"Traceparent": {"00-" + clientsID + "-" + clientSpan + "-01"}}
	if status, body := w.post(url+"/events", events.ContentType, cloudEvent(events.UserCreated, "t1", oneNobody), header); status != http.StatusAccepted {
		t.Fatalf("got %d %s, want 202", status, body)
	}
	w.waitLog("vendor on hold", 1) // by the attempt for t1, and so before t2 and t3
	w.publish(events.UserCreated, cloudEvent(events.UserCreated, "t2", strings.NewReplacer("annunziata@", "bob@", nobody, nobody+"-either").Replace(oneNobody)))
	bad := cloudEvent(events.UserCreated, "t3", `{"user_id":"`+nobody+`"}`)
	w.publish(events.UserCreated, bad)
	binary := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"t4"}, "Ce-Source": {"/school"}, "Ce-Type": {events.ActivityTracked}, "Ce-Traceparent": {"00-" + mutedID + "-" + clientSpan + "-00"}}
	if status, body := w.post(url+"/events", "application/json", `{"user_id":"`+nobody+`","name":"lesson.finished"}`, binary); status != http.StatusAccepted {
		t.Fatalf("got %d %s, want 202", status, body)
	}
	w.expect("t4", map[string]string{"usermost": "done"})
	w.until("four vendors have carried both out", func() bool { return len(w.outcomes("t1")) == 4 && len(w.outcomes("t2")) == 4 })
	letters := w.traces()
	results := w.must("results", "--json")
	w.end()
	t.Run("posted", func(t *testing.T) { c.posted(t, w, results) })
	t.Run("published", func(t *testing.T) { c.published(t, w) })
	t.Run("refused", func(t *testing.T) { c.refused(t, w, events.Key(events.Key("/school", "t3"), bad), letters) })
	t.Run("not sampled", func(t *testing.T) {
		if found := c.find(mutedID, "*", ""); len(found) > 0 {
			t.Errorf("got %d spans of a trace that is not sampled: %v", len(found), found)
		}
	})
	t.Run("discreet", func(t *testing.T) { c.discreet(t, w) })
}

// posted looks at the event that came over HTTP.
func (c *collector) posted(t *testing.T, w *world, results string) {
	server := c.find(clientsID, clientSpan, "POST /events")
	if len(server) != 1 || server[0].Kind != tracepb.Span_SPAN_KIND_SERVER || attribute(server[0], "http.response.status_code") != "202" || attribute(server[0], "http.route") != "/events" {
		t.Fatalf("got %v, want one span of the request, beneath the client's", server)
	}
	sent := c.find(clientsID, hexOf(server[0].SpanId), "send user.created")
	if len(sent) != 1 || sent[0].Kind != tracepb.Span_SPAN_KIND_PRODUCER || attribute(sent[0], "cloudevents.event_id") != "t1" {
		t.Fatalf("got %v, want one span of the event, beneath the request's", sent)
	}
	c.effects(t, clientsID, hexOf(sent[0].SpanId), "t1")
	if want := `"traceparent":"00-` + clientsID + "-" + hexOf(sent[0].SpanId) + `-01"`; strings.Count(results, want) != 4 {
		t.Errorf("got\n%s\nwant %s in each result of t1", results, want)
	}
	w.logged(t, "t1", clientsID, 5)
}

// published looks at the event that came over NATS: its trace has its key for an id.
func (c *collector) published(t *testing.T, w *world) {
	id := events.Key("/school", "t2")
	c.effects(t, id, "", "t2")
	w.logged(t, "t2", id, 4)
}

// effects looks at the attempts of an event.
func (c *collector) effects(t *testing.T, traceID, parent, event string) {
	t.Helper()
	outcomes := map[string]string{}
	for _, s := range c.find(traceID, parent, "process user.created") {
		vendor := attribute(s, "usher.vendor")
		outcomes[vendor] += attribute(s, "usher.outcome") + attribute(s, "error.type")
		for name, want := range map[string]string{
			"messaging.system": "nats", "messaging.destination.name": events.UserCreated, "messaging.operation.type": "process",
			"cloudevents.event_id": event, "cloudevents.event_source": "/school", "cloudevents.event_type": events.UserCreated, "usher.attempt": "1",
		} {
			if got := attribute(s, name); got != want {
				t.Errorf("%s: %s: got %q, want %q", vendor, name, got, want)
			}
		}
		if s.Kind != tracepb.Span_SPAN_KIND_CONSUMER {
			t.Errorf("%s: got the kind %s", vendor, s.Kind)
		}
		c.calls(t, s, vendor)
		results := c.find(traceID, hexOf(s.SpanId), "send user.provisioned."+vendor)
		if want := 1; vendor != "miestro" && (len(results) != want || results[0].Kind != tracepb.Span_SPAN_KIND_PRODUCER) {
			t.Errorf("%s: got %v, want one span of the result", vendor, results)
		}
	}
	for _, vendor := range []string{"meiro", "lead", "magloft", "usermost"} {
		if outcomes[vendor] != events.Done && outcomes[vendor] != events.AlreadyDone {
			t.Errorf("%s: got the outcomes %q, want done", vendor, outcomes[vendor])
		}
	}
	if event == "t1" && !strings.HasPrefix(outcomes["miestro"], "waitingunusable") {
		t.Errorf("miestro: got %q, want that it is unusable", outcomes["miestro"])
	}
}

// calls looks at the calls to a vendor in one attempt.
func (c *collector) calls(t *testing.T, attempt *tracepb.Span, vendor string) {
	t.Helper()
	n, refused := 0, 0
	for _, s := range c.find(hexOf(attempt.TraceId), hexOf(attempt.SpanId), "") {
		if s.Kind != tracepb.Span_SPAN_KIND_CLIENT {
			continue
		}
		n++
		if attribute(s, "server.address") != "127.0.0.1" || attribute(s, "http.request.method") == "" || attribute(s, "usher.op") == "" || attribute(s, "http.response.status_code") == "" {
			t.Errorf("%s: got the call %v", vendor, s)
		}
		if s.StartTimeUnixNano < attempt.StartTimeUnixNano || s.EndTimeUnixNano > attempt.EndTimeUnixNano {
			t.Errorf("%s: %s is not within its attempt", vendor, s.Name)
		}
		if attribute(s, "error.type") == "401" && s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR {
			refused++
		}
	}
	if n == 0 || (vendor == "miestro") != (refused > 0) {
		t.Errorf("%s: got %d calls, %d of them refused", vendor, n, refused)
	}
}

// refused looks at the event that is at fault.
func (c *collector) refused(t *testing.T, w *world, key string, letters []string) {
	spans := c.find(key, "", "process user.created")
	if len(spans) != 5 {
		t.Fatalf("got %d attempts, want one for each vendor", len(spans))
	}
	var want []string
	for _, s := range spans {
		want = append(want, "00-"+key+"-"+hexOf(s.SpanId)+"-01")
		if attribute(s, "usher.outcome") != events.Failed || attribute(s, "error.type") != "invalid" || s.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR {
			t.Errorf("got %v, want that it failed", s)
		}
	}
	if len(letters) != 1 || !slices.Contains(want, letters[0]) { // one letter, of the first vendor
		t.Errorf("got dead letters with %q, want one of %q", letters, want)
	}
	w.logged(t, "t3", key, 5)
}

// discreet looks through all that was sent.
func (c *collector) discreet(t *testing.T, w *world) {
	text := strings.ToLower(c.raw.String())
	if c.team != "blue" {
		t.Errorf("got the header %q, want the one that is configured", c.team)
	}
	for _, private := range []string{"@example.org", nobody, "annunziata", token} {
		if strings.Contains(text, private) {
			t.Errorf("%q stands in a span", private)
		}
	}
	for _, variable := range w.environ {
		name, value, _ := strings.Cut(variable, "=")
		for _, kind := range []string{"_SECRET", "_PASSWORD", "_TOKEN", "_API_KEY", "_LICENSE_CODE", "_EMAIL"} {
			if strings.HasSuffix(name, kind) && strings.Contains(text, strings.ToLower(value)) {
				t.Errorf("the value of %s stands in a span", name)
			}
		}
	}
}

// logged counts the lines of an event's attempts that tell its trace.
func (w *world) logged(t *testing.T, event, traceID string, least int) {
	t.Helper()
	n := 0
	for line := range strings.Lines(w.log.String()) {
		if strings.Contains(line, `"event":"`+event+`"`) && strings.Contains(line, `"trace_id":"`+traceID+`"`) {
			n++
		}
	}
	if n < least {
		t.Errorf("event %s: got %d lines with its trace, want %d", event, n, least)
	}
}

// traces are the traces of the dead letters, once the letter of the event at fault is there.
func (w *world) traces() (found []string) {
	w.t.Helper()
	set := w.set()
	w.until("a dead letter", func() bool {
		found = nil
		for d, err := range set.DeadLetters.List(w.t.Context()) {
			if err != nil {
				w.t.Fatal(err)
			}
			found = append(found, d.Trace)
		}
		return len(found) == 1
	})
	return found
}

// TestCollectorThatHangs has a collector that takes requests and never answers:
// the work goes on, and serve stops in time.
func TestCollectorThatHangs(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(web.Close)
	t.Cleanup(func() { close(over) })
	w, url := traced(t, web.URL)
	if status, body := w.post(url+"/events", events.ContentType, cloudEvent(events.UserCreated, "t1", oneNobody), nil); status != http.StatusAccepted {
		t.Fatalf("got %d %s, want 202", status, body)
	}
	w.until("four vendors are done", func() bool { return len(w.outcomes("t1")) == 4 })
	before := w.log.String()
	w.end()
	if !strings.Contains(before, "spans are lost") && strings.Contains(w.log.String(), "Client.Timeout") {
		t.Error("serve waited for the collector as long as for any request")
	}
	if n := strings.Count(w.log.String(), "spans are lost"); n != 1 {
		t.Errorf("the log says %d times that spans are lost, want once", n)
	}
}
