package worker_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// TestSpansOfAttempts carries out an event whose first attempt fails and that its
// producer sends twice: what calls nobody is no attempt.
func TestSpansOfAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spans := tracetest.NewSpanRecorder()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
		const parent = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
		payload := strings.Replace(created, "{", `{"traceparent":"00-`+parent+`-01",`, 1)
		b := bench{tracer: provider.Tracer("test"), more: map[string]string{events.UserCreated: payload}}
		b.carryOut(t, events.UserCreated, []byte(payload), func(call int64) error {
			if call == 1 {
				return fail(vendors.Again, 0)(call)
			}
			return nil
		})
		var got []string
		for _, s := range spans.Ended() {
			line := s.Name() + " " + s.SpanKind().String() + " " + s.Status().Description
			for _, a := range s.Attributes() {
				if strings.HasPrefix(string(a.Key), "usher.") && a.Key != "usher.event_key" {
					line += " " + a.Value.String()
				}
			}
			got = append(got, line)
			if above := s.Parent(); above.TraceID().String()+"-"+above.SpanID().String() != parent && s.Name() != "send user.provisioned.acme" {
				t.Errorf("%s: got another parent than the event's", s.Name())
			}
		}
		want := []string{
			"process user.created consumer again acme waiting 1",
			"send user.provisioned.acme producer ",
			"process user.created consumer  acme done 2",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("spans (-want +got)\n%s", diff)
		}
	})
}
