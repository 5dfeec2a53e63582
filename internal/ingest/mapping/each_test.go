package mapping_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest/mapping"
)

// build compiles rules in YAML.
func build(t testing.TB, text string) *mapping.Mapping {
	t.Helper()
	var rules mapping.Rules
	if err := yaml.Unmarshal([]byte(text), &rules); err != nil {
		t.Fatal(err)
	}
	m, err := mapping.New("acme", rules...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// lines returns place, type, id and data of outcomes, or place and fault.
func lines(list []mapping.Outcome) (all []string) {
	for _, o := range list {
		if o.Err != nil {
			all = append(all, fmt.Sprintf("%s: %v", o.Place, o.Err))
			continue
		}
		all = append(all, fmt.Sprintf("%s: %s %s %s", o.Place, o.Event.Type(), o.Event.ID(), o.Event.Data()))
	}
	return all
}

const (
	people = `
each: body.people
type: item.kind
types: {new: user.created, gone: user.deleted}
data: {user_id: item.id, email: 'item.?mail'}
`
	named = people + "id: item.id\n"
	order = `
- type: header["x-topic"]
  types: {paid: user.created}
  data: {user_id: body.buyer.id, email: body.buyer.mail}
- name: course
  each: body.lines.filter(l, l.sku.startsWith("course-"))
  type: header["x-topic"]
  types: {paid: enrollment.requested}
  data: {user_id: body.buyer.id, course_id: item.sku.substring(7)}
`
)

func TestEach(t *testing.T) {
	for name, test := range map[string]struct {
		rules, body string
		want        []string
	}{
		"an event of each element": {people, `{"people":[{"kind":"new","id":"u1","mail":"a@example.org"},{"kind":"gone","id":"u2"}]}`, []string{
			`0: user.created msg_1.0 {"email":"a@example.org","user_id":"u1"}`, `1: user.deleted msg_1.1 {"user_id":"u2"}`,
		}},
		"other types keep the positions": {people, `{"people":[{"kind":"seen","id":"u1"},{"kind":"gone","id":"u2"}]}`, []string{`1: user.deleted msg_1.1 {"user_id":"u2"}`}},
		"no elements":                    {people, `{"people":[]}`, nil},
		"null for the list":              {people, `{"people":null}`, nil},
		"an id by the element":           {named, `{"people":[{"kind":"gone","id":"u1"},{"kind":"gone","id":"u2"}]}`, []string{`0: user.deleted u1 {"user_id":"u1"}`, `1: user.deleted u2 {"user_id":"u2"}`}},
		"one element twice":              {named, `{"people":[{"kind":"gone","id":"u1"},{"kind":"gone","id":"u1"}]}`, []string{`0: user.deleted u1 {"user_id":"u1"}`}},
		"two elements with one id": {named, `{"people":[{"kind":"gone","id":"u1"},{"kind":"new","id":"u1","mail":"a@example.org"}]}`, []string{
			`0: user.deleted u1 {"user_id":"u1"}`, `1: id: two events of one delivery have this id: use a member that distinguishes them, or leave item out of id for their position`,
		}},
		"a faulty element beside others": {people, `{"people":[{"kind":"new","mail":"a@example.org"},{"kind":"gone","id":"u2"},7]}`, []string{
			`0: data.user_id: cannot be evaluated at column 5: a member is missing or has another type; write .? before a name that may be missing`,
			`1: user.deleted msg_1.1 {"user_id":"u2"}`,
			`2: type: cannot be evaluated at column 5: a member is missing or has another type; write .? before a name that may be missing`,
		}},
		"a payload that is a list": {strings.Replace(people, "body.people", "body", 1), `[{"kind":"gone","id":"u1"}]`, []string{`0: user.deleted msg_1.0 {"user_id":"u1"}`}},
		"the position":             {strings.Replace(people, "item.id,", "\"'u' + string(index)\",", 1), `{"people":[{"kind":"gone"},{"kind":"gone"}]}`, []string{`0: user.deleted msg_1.0 {"user_id":"u0"}`, `1: user.deleted msg_1.1 {"user_id":"u1"}`}},
		"a list that cannot be read, beside another rule": {order, `{"buyer":{"id":"u1","mail":"a@example.org"},"lines":[{"sku":null}]}`, []string{
			`: user.created msg_1 {"email":"a@example.org","user_id":"u1"}`,
			`course: course.each: cannot be evaluated at column 38: a member is missing or has another type; write .? before a name that may be missing`,
		}},
		"several rules": {order, `{"buyer":{"id":"u1","mail":"a@example.org"},"lines":[{"sku":"mug"},{"sku":"course-go"},{"sku":"course-c"}]}`, []string{
			`: user.created msg_1 {"email":"a@example.org","user_id":"u1"}`,
			`course.0: enrollment.requested msg_1.course.0 {"course_id":"go","user_id":"u1"}`,
			`course.1: enrollment.requested msg_1.course.1 {"course_id":"c","user_id":"u1"}`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := build(t, test.rules)
			for range 2 { // a repeat gives the same events
				list, err := m.Map("msg_1", http.Header{"X-Topic": {"paid"}}, []byte(test.body))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, lines(list)); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			}
		})
	}
}

func TestEachRejectsDeliveries(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(`{"kind":"gone","id":"u"},`, events.MaxBatch+1), ",")
	for name, test := range map[string]struct{ rules, body, want string }{
		"no list":           {people, `{"people":{"kind":"new"}}`, "each: yields an object, want a list"},
		"a missing list":    {people, `{}`, "each: cannot be evaluated"},
		"too many elements": {people, `{"people":[` + many + `]}`, "each: yields more than 1000 elements"},
		"too many by two rules": {
			"- {name: a, " + flow + "}\n- {name: b, " + flow + "}\n", `{"people":[` + strings.TrimSuffix(strings.Repeat(`{"kind":"gone","id":"u"},`, 501), ",") + `]}`,
			"each: the delivery makes more than 1000 events",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := build(t, test.rules).Map("msg_1", nil, []byte(test.body))
			checkFault(t, err, test.want)
		})
	}
}

const flow = `each: body.people, type: item.kind, types: {gone: user.deleted}, data: {user_id: item.id}`

// TestEachIsBounded maps a list with expressions that each look at the whole payload. All together
// have a limit, beside the limit of each.
func TestEachIsBounded(t *testing.T) {
	for name, expression := range map[string]string{
		"cost": `'body.people.exists(p, p.id == "none") ? "a" : "b"'`,
		"size": `'{"all": body}'`,
	} {
		member, typ := "reason", "user.deleted"
		if name == "size" {
			member, typ = `name: '"n"', properties`, "activity.tracked"
		}
		m := build(t, `
each: body.people
type: '"x"'
types: {x: `+typ+`}
data: {user_id: item.id, `+member+`: `+expression+`}
`)
		body := `{"people":[` + strings.TrimSuffix(strings.Repeat(`{"id":"u","text":"`+strings.Repeat("a", 100)+`"},`, events.MaxBatch), ",") + `]}`
		list, err := m.Map("msg_1", nil, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		bytes := 0
		for _, o := range list {
			if o.Err == nil {
				bytes += len(o.Event.Data())
			}
		}
		if last := list[len(list)-1]; last.Err == nil || !strings.Contains(last.Err.Error(), "takes too long") || bytes > 20<<20 {
			t.Errorf("%s: got %v for the last event, and %d bytes", name, last.Err, bytes)
		}
	}
}

func TestRulesAreRejected(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"two rules without a name": {"- {" + flow + "}\n- {" + flow + "}", "name: of rule 2 is repeated"},
		"a name twice":             {"- {name: a, " + flow + "}\n- {name: a, " + flow + "}", "name: of rule 2 is repeated"},
		"a name with a dot":        {"- {name: a.b, " + flow + "}", "name: of rule 1"},
		"no rule":                  {"[]", "event: is missing"},
		"item without each":        {"{type: item.kind, types: {gone: user.deleted}, data: {user_id: body.id}}", "type: column 1: the name item is unknown"},
		"each of a text":           {"{each: '\"a\"', type: item.kind, types: {gone: user.deleted}, data: {user_id: item.id}}", "each: yields string, want a list"},
		"a fault in a named rule":  {"- {name: a, each: body, type: item., types: {gone: user.deleted}, data: {user_id: item.id}}", "a.type: column"},
	} {
		t.Run(name, func(t *testing.T) {
			var rules mapping.Rules
			if err := yaml.Unmarshal([]byte(test.text), &rules); err != nil {
				t.Fatal(err)
			}
			_, err := mapping.New("acme", rules...)
			checkFault(t, err, test.want)
		})
	}
}

func TestCovers(t *testing.T) {
	for name, test := range map[string]struct {
		places []string
		place  string
		want   bool
	}{
		"the place":                   {[]string{"a.1", "b.2"}, "b.2", true},
		"another":                     {[]string{"a.1"}, "a.11", false},
		"the rule":                    {[]string{"a"}, "a.11", true},
		"another rule":                {[]string{"a"}, "ab.1", false},
		"the rule without a name":     {[]string{""}, "3", true},
		"the event without a name":    {[]string{""}, "", true},
		"a named rule, not the other": {[]string{""}, "a.3", false},
		"a position, not another":     {[]string{"1"}, "11", false},
	} {
		if got := mapping.Covers(test.places, test.place); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
