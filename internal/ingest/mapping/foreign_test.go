package mapping_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest/mapping"
)

func foreign(t testing.TB, text string) (*mapping.Foreign, error) {
	t.Helper()
	var c struct {
		Types, Sources []string
		Event          mapping.Rules
	}
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return mapping.NewForeign("dapr", mapping.ForeignConfig{Types: c.Types, Sources: c.Sources, Rules: c.Event})
}

const (
	dapr = `
types: [com.dapr.event.sent]
sources: [app]
event:
  type: event.topic
  types: {user.created: user.created, user.deleted: user.deleted}
  data: {user_id: body.user_id, email: 'body.?email'}
`
	auth0 = `
types: [user.created, com.auth0.user.created]
event: {types: {com.auth0.user.created: user.created}, data: {user_id: body.object.user_id, email: body.object.email}}
`
	import3 = `
types: [com.example.import]
event: {each: body, types: {com.example.import: user.deleted}, data: {user_id: item}}
`
)

func TestTranslate(t *testing.T) {
	list := []*mapping.Foreign{}
	for _, text := range []string{dapr, strings.Replace(auth0, "user.created, ", "", 1), import3} {
		f, err := foreign(t, text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	for name, test := range map[string]struct {
		event string
		want  []string // nil: not taken
		alone string   // of TranslateOne: the type, or the fault
	}{
		"Dapr": {
			`{"specversion":"1.0","id":"1","source":"app","type":"com.dapr.event.sent","topic":"user.created","pubsubname":"nats","traceparent":"00-1-1-01","data":{"user_id":"u","email":"u@example.org"}}`,
			[]string{`: user.created 1 {"email":"u@example.org","user_id":"u"}`},
			"user.created",
		},
		"Auth0, without an own type": {
			`{"specversion":"1.0","id":"e1","source":"urn:auth0:x","type":"com.auth0.user.created","time":"2026-10-14T08:00:00Z","data":{"object":{"user_id":"auth0|1","email":"a@example.org"}}}`,
			[]string{`: user.created e1 {"email":"a@example.org","user_id":"auth0|1"}`},
			"user.created",
		},
		"several events": {
			`{"specversion":"1.0","id":"i","source":"/hr","type":"com.example.import","data":["u1","u2"]}`,
			[]string{`0: user.deleted i.0 {"user_id":"u1"}`, `1: user.deleted i.1 {"user_id":"u2"}`},
			"makes no event, or several",
		},
		"a type that the mapping lacks": {`{"specversion":"1.0","id":"1","source":"app","type":"com.dapr.event.sent","topic":"order.paid","data":{}}`, []string{}, "makes no event, or several"},
		"a faulty one": {
			`{"specversion":"1.0","id":"1","source":"app","type":"com.dapr.event.sent","topic":"user.created","data":{"email":"u@example.org"}}`,
			[]string{`: data.user_id: cannot be evaluated at column 5: a member is missing or has another type; write .? before a name that may be missing`},
			"data.user_id: cannot be evaluated",
		},
		"no data":        {`{"specversion":"1.0","id":"i","source":"/hr","type":"com.example.import"}`, []string{}, "makes no event, or several"},
		"another source": {`{"specversion":"1.0","id":"1","source":"other","type":"com.dapr.event.sent","topic":"user.created","data":{}}`, nil, "com.dapr.event.sent"},
		"an own type":    {`{"specversion":"1.0","id":"1","source":"app","type":"user.created","data":{}}`, nil, "user.created"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := events.Parse([]byte(test.event))
			if err != nil {
				t.Fatal(err)
			}
			left := uint64(mapping.MaxCost)
			outcomes, taken, err := mapping.Translate(list, e, &left)
			if err != nil || taken != (test.want != nil) {
				t.Fatalf("got %v, taken %v", err, taken)
			}
			if diff := cmp.Diff(test.want, lines(outcomes)); taken && diff != "" && len(test.want)+len(outcomes) > 0 {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for _, o := range outcomes {
				if o.Err == nil && (o.Event.Source() != e.Source() || !o.Event.Time().Equal(e.Time()) || events.Extension(o.Event, "traceparent") != events.Extension(e, "traceparent")) {
					t.Errorf("source, time or trace differ: %v", o.Event)
				}
			}
			one, err := mapping.TranslateOne(list, e)
			if got := one.Type(); err == nil && got != test.alone || err != nil && !strings.Contains(err.Error(), test.alone) {
				t.Errorf("alone: got %s, %v, want %s", got, err, test.alone)
			}
		})
	}
}

// TestTranslateIsBounded translates many CloudEvents with one budget, as the endpoint does for a
// batch.
func TestTranslateIsBounded(t *testing.T) {
	f, err := foreign(t, strings.Replace(dapr, "'body.?email'", `'body.list.exists(x, x == 2) ? "a" : "b"'`, 1))
	if err != nil {
		t.Fatal(err)
	}
	e, err := events.New("com.dapr.event.sent", "app", "1", time.Time{}, map[string]any{"user_id": "u", "list": make([]int, 5000)})
	if err != nil {
		t.Fatal(err)
	}
	e.SetExtension("topic", "user.created")
	left := uint64(mapping.MaxCost)
	for range 1000 {
		outcomes, _, err := mapping.Translate([]*mapping.Foreign{f}, e, &left)
		if err != nil || outcomes[0].Err != nil {
			return
		}
	}
	t.Error("a thousand CloudEvents are within the limit")
}

func TestForeignIsRejected(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"no types":         {"event: {types: {x: user.deleted}, data: {user_id: body.id}}", "types: is missing"},
		"a type of ours":   {auth0, "types: has user.created, which is a type of ours"},
		"header":           {"types: [x]\nevent: {type: 'header[\"a\"]', types: {x: user.deleted}, data: {user_id: body.id}}", "type: column 1: the name header is unknown"},
		"nothing to map":   {"types: [x]", "event: is missing"},
		"a missing member": {"types: [x]\nevent: {types: {x: user.created}, data: {user_id: body.id}}", "data.email: is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := foreign(t, test.text)
			checkFault(t, err, test.want)
		})
	}
}
