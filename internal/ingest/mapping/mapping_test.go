package mapping_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest/mapping"
)

// config returns a mapping of {"type": "x", "id": …} to typ, with more members.
func config(typ string, data map[string]string) mapping.Config {
	c := mapping.Config{Type: "body.type", Types: map[string]string{"x": typ}, Data: map[string]string{"user_id": "body.id"}}
	for name, text := range data {
		c.Data[name] = text
	}
	return c
}

// mapOne maps body by c.
func mapOne(t testing.TB, c mapping.Config, body string) (events.Event, error) {
	t.Helper()
	m, err := mapping.New("acme", c)
	if err != nil {
		t.Fatal(err)
	}
	return only(m.Map("msg_1", http.Header{"X-Topic": {"users/create"}}, []byte(body)))
}

// errNone is the error of only for a delivery without an event.
var errNone = errors.New("the delivery is ignored")

// only returns the only outcome of a delivery.
func only(list []mapping.Outcome, err error) (events.Event, error) {
	if err != nil {
		return events.Event{}, err
	}
	if len(list) == 0 {
		return events.Event{}, errNone
	}
	return list[0].Event, list[0].Err
}

func TestNewRefuses(t *testing.T) {
	good := config(events.UserDeleted, nil)
	for name, test := range map[string]struct {
		change func(c *mapping.Config)
		want   []string // one for each fault: what it begins with
	}{
		"an empty mapping": {
			func(c *mapping.Config) { *c = mapping.Config{} },
			[]string{"type: is missing", "types: is missing"},
		},
		"what is no CEL": {
			func(c *mapping.Config) { c.Time = "body." },
			[]string{"time: column 6: the name behind the dot is missing"},
		},
		"a name that nobody knows": {
			func(c *mapping.Config) { c.Data["reason"] = "quit" },
			[]string{"data.reason: column 1: the name quit is unknown"},
		},
		"an expression that is too long": {
			func(c *mapping.Config) { c.ID = strings.Repeat("body.id + ", 200) + "'.'" },
			[]string{"id: column 1: the expression has more than 2000 characters"},
		},
		"an expression in too many brackets": {
			func(c *mapping.Config) { c.ID = strings.Repeat("(", 900) + "'.'" + strings.Repeat(")", 900) },
			[]string{"id: "},
		},
		"what can never be text": {
			func(c *mapping.Config) { c.ID = "body.id == '1'" },
			[]string{"id: yields bool, want text"},
		},
		"what can never be an object": {
			func(c *mapping.Config) {
				*c = config(events.UserCreated, map[string]string{"email": "body.mail", "attributes": "'all'"})
			},
			[]string{"data.attributes: yields string, want an object"},
		},
		"what can never be text, perhaps": {
			func(c *mapping.Config) { c.ID = "optional.of([1])" },
			[]string{"id: yields optional_type(list(int)), want text"},
		},
		"a type that is not ours": {
			func(c *mapping.Config) { c.Types["y"] = "user.renamed" },
			[]string{`types.y: becomes "user.renamed", which is no type of ours: use one of user.created, `},
		},
		"a member that no type has": {
			func(c *mapping.Config) { c.Data["emial"] = "body.mail" },
			[]string{"data.emial: no type in types has this member: they have email, reason, user_id"},
		},
		"a member that the type does not have": {
			func(c *mapping.Config) {
				c.DataByType = map[string]map[string]string{"x": {"course_id": "body.course"}}
			},
			[]string{"data_by_type.x.course_id: user.deleted has no such member: it has email, reason, user_id"},
		},
		"data for a type that is not mapped": {
			func(c *mapping.Config) { c.DataByType = map[string]map[string]string{"z": {}} },
			[]string{"data_by_type.z: is no type of the sender's"},
		},
		"a required member without an expression": {
			func(c *mapping.Config) { c.Types["x"], c.Data = events.EnrollmentRequested, nil },
			[]string{"data.course_id: is missing: enrollment.requested needs it", "data.user_id: is missing"},
		},
		"many faults at once": {
			func(c *mapping.Config) { c.Type, c.ID, c.Data["email"] = "(", ")", "1 +" },
			[]string{"type: column", "id: column", "data.email: column"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			c.Types, c.Data = map[string]string{"x": events.UserDeleted}, map[string]string{"user_id": "body.id"}
			test.change(&c)
			_, err := mapping.New("acme", c)
			if err == nil {
				t.Fatal("got no error")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.want) {
				t.Fatalf("got %d faults, want %d:\n%v", len(lines), len(test.want), err)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("got %q, want %q…", lines[i], want)
				}
			}
			if _, ok := errors.AsType[*mapping.Error](err); !ok {
				t.Errorf("got %T, want an *Error in it", err)
			}
		})
	}
}

func TestNewRefusesNames(t *testing.T) {
	for _, name := range []string{"", "a b", "a/b", "../x", "ä", "-a"} {
		if _, err := mapping.New(name, config(events.UserDeleted, nil)); err == nil {
			t.Errorf("%q: got no error", name)
		}
	}
}

func TestConfigRefusesUnknownKeys(t *testing.T) {
	var c mapping.Config
	err := yaml.Unmarshal([]byte("type: body.type\ndata_by_typ: {}\n"), &c)
	if err == nil || !strings.Contains(err.Error(), "line 2: unknown key data_by_typ") {
		t.Errorf("got %v", err)
	}
}

func TestMapIgnoresOtherTypes(t *testing.T) {
	e, err := mapOne(t, config(events.UserDeleted, nil), `{"type":"session.created","id":7}`)
	if !errors.Is(err, errNone) || e.Context != nil {
		t.Errorf("got %v, %v, want none", e, err)
	}
	e, err = only(sender(t, "clerk").Map("msg_1", nil, read(t, "clerk", "session.created.json")))
	if !errors.Is(err, errNone) || e.Context != nil {
		t.Errorf("got %v, %v, want none", e, err)
	}
}

func TestMapID(t *testing.T) {
	for name, test := range map[string]struct {
		id, delivery string
		want, fault  string
	}{
		"the delivery's":                {"", "msg_2", "msg_2", ""},
		"the payload's goes before it":  {"body.event_id", "msg_2", "evt_1", ""},
		"a whole number becomes text":   {"body.n", "", "9007199254740993", ""},
		"neither":                       {"", "", "", "id: the delivery has no id of its own"},
		"missing where it was set":      {"body.nope", "msg_2", "", "id: cannot be evaluated at column 5"},
		"null where it was set":         {"body.?nope", "msg_2", "", "id: the payload has no value here"},
		"empty where it was set":        {"body.empty", "msg_2", "", "id: the payload has no value here"},
		"control characters":            {"body.control", "", "", "id: characters: "},
		"not text":                      {"body.list", "", "", "id: yields a list, want text"},
		"a number with a fraction":      {"body.f", "", "", "id: yields a number, want text"},
		"a header":                      {"header['x-topic']", "", "users/create", ""},
		"a header that is not there":    {"header['x-id']", "", "", "id: cannot be evaluated"},
		"the delivery's, of other text": {"", "msg\xff", "", "id: "},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(events.UserDeleted, nil)
			c.ID = test.id
			m, err := mapping.New("acme", c)
			if err != nil {
				t.Fatal(err)
			}
			e, err := only(m.Map(test.delivery, http.Header{"X-Topic": {"users/create"}},
				[]byte(`{"type":"x","id":"u","event_id":"evt_1","n":9007199254740993,"empty":"","control":"a\u0000","list":[],"f":1.5}`)))
			checkFault(t, err, test.fault)
			if err == nil && e.ID() != test.want {
				t.Errorf("got %q, want %q", e.ID(), test.want)
			}
		})
	}
}

// checkFault checks that err is an *Error that begins with want, or nil for "".
func checkFault(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("got %v, want no error", err)
		}
		return
	}
	fault, ok := errors.AsType[*mapping.Error](err)
	if !ok {
		t.Fatalf("got %v, want an *Error %q…", err, want)
	}
	if !strings.HasPrefix(fault.Error(), want) {
		t.Errorf("got %q, want %q…", fault, want)
	}
}

func TestMapTime(t *testing.T) {
	for name, test := range map[string]struct{ value, want, fault string }{
		"RFC 3339":             {`"2026-10-14T09:18:13.12+02:00"`, "2026-10-14T09:18:13.12+02:00", ""},
		"Unix seconds":         {`1791965591`, "2026-10-14T08:13:11Z", ""},
		"Unix milliseconds":    {`1791965591835`, "2026-10-14T08:13:11.835Z", ""},
		"seconds, fraction":    {`1791965591.5`, "2026-10-14T08:13:11.5Z", ""},
		"null":                 {`null`, "0001-01-01T00:00:00Z", ""},
		"empty":                {`""`, "0001-01-01T00:00:00Z", ""},
		"another text":         {`"yesterday"`, "", "time: yields other text, want a time"},
		"another number":       {`1e300`, "", "time: yields a number, want a time"},
		"before 1970":          {`-1`, "", "time: yields a number, want a time"},
		"a boolean":            {`true`, "", "time: yields a boolean, want a time"},
		"after the year 9999":  {`253402300800000`, "", "time: yields a number, want a time"},
		"seconds up to 1e11":   {`99999999999`, "5138-11-16T09:46:39Z", ""},
		"a date without hours": {`"2026-10-14"`, "", "time: yields other text"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(events.UserDeleted, nil)
			c.Time = "body.at"
			e, err := mapOne(t, c, `{"type":"x","id":"u","at":`+test.value+`}`)
			checkFault(t, err, test.fault)
			if got := e; err == nil && got.Time().Format(time.RFC3339Nano) != test.want {
				t.Errorf("got %s, want %s", got.Time().Format(time.RFC3339Nano), test.want)
			}
		})
	}
}

func TestMapTimeByCEL(t *testing.T) {
	c := config(events.UserDeleted, nil)
	c.Time = "timestamp(body.at) + duration('1h')"
	e, err := mapOne(t, c, `{"type":"x","id":"u","at":"2026-10-14T09:00:00Z"}`)
	if err != nil || e.Time().Hour() != 10 {
		t.Errorf("got %v, %v", e.Time(), err)
	}
}

func TestMapData(t *testing.T) {
	for name, test := range map[string]struct {
		kind, member, text string
		body               string
		want, fault        string
	}{
		"null is left out":                   {events.UserDeleted, "reason", "body.r", `"r":null`, `{"user_id":"u"}`, ""},
		"an empty text is left out":          {events.UserDeleted, "reason", "body.r", `"r":""`, `{"user_id":"u"}`, ""},
		"what may be missing is left out":    {events.UserDeleted, "reason", "body.?r.?s", `"r":null`, `{"user_id":"u"}`, ""},
		"null as an expression":              {events.UserDeleted, "reason", "null", `"r":1`, `{"user_id":"u"}`, ""},
		"fixed text":                         {events.UserDeleted, "reason", "'left'", `"r":1`, `{"user_id":"u","reason":"left"}`, ""},
		"a whole number becomes text":        {events.UserDeleted, "reason", "body.r", `"r":18446744073709551615`, `{"user_id":"u","reason":"18446744073709551615"}`, ""},
		"a number too large to be exact":     {events.UserDeleted, "reason", "body.r", `"r":18446744073709551616`, ``, "data.reason: yields a number, want text"},
		"what must be there and is not":      {events.UserDeleted, "reason", "body.r", `"q":1`, ``, "data.reason: cannot be evaluated at column 5: "},
		"a list where text must stand":       {events.UserDeleted, "reason", "body.r", `"r":[1]`, ``, "data.reason: yields a list, want text"},
		"a required member that is null":     {events.UserDeleted, "user_id", "body.?r", `"q":1`, ``, "data.user_id: the payload has no value here, and user.deleted requires one"},
		"a required member that is empty":    {events.UserDeleted, "user_id", "body.r", `"r":""`, ``, "data.user_id: the payload has no value here"},
		"a date of a timestamp":              {events.EnrollmentRequested, "starts_on", "body.r", `"r":"2026-09-01T01:00:00+02:00"`, `{"user_id":"u","course_id":"c","starts_on":"2026-09-01"}`, ""},
		"a date":                             {events.EnrollmentRequested, "starts_on", "body.r", `"r":"2026-09-01"`, `{"user_id":"u","course_id":"c","starts_on":"2026-09-01"}`, ""},
		"no date":                            {events.EnrollmentRequested, "starts_on", "body.r", `"r":"soon"`, ``, "data.starts_on: yields other text, want a date"},
		"a moment of Unix time":              {events.ActivityTracked, "occurred_at", "body.r", `"r":1791965591`, `{"user_id":"u","name":"n","occurred_at":"2026-10-14T08:13:11Z"}`, ""},
		"no moment":                          {events.ActivityTracked, "occurred_at", "body.r", `"r":[]`, ``, "data.occurred_at: yields a list, want a time"},
		"an object, as it is":                {events.ActivityTracked, "properties", "body.r", `"r":{"a":[1,1.5,true,null,"<"],"b":{}}`, `{"user_id":"u","name":"n","properties":{"a":[1,1.5,true,null,"<"],"b":{}}}`, ""},
		"an object, put together":            {events.ActivityTracked, "properties", `{"a": body.r, ?"b": body.?s}`, `"r":1`, `{"user_id":"u","name":"n","properties":{"a":1}}`, ""},
		"no object":                          {events.ActivityTracked, "properties", "body.r", `"r":"a"`, ``, "data.properties: yields other text, want an object"},
		"an object with a number for a name": {events.ActivityTracked, "properties", "{1: body.r}", `"r":1`, ``, "data.properties: yields an object with a name that is not a text"},
		"what JSON does not have":            {events.ActivityTracked, "properties", "{'a': double('NaN')}", `"r":1`, ``, "data.properties: yields a double, which JSON lacks"},
		"more than an event may hold":        {events.ActivityTracked, "properties", "{'a': body.r.map(x, body.r)}", `"r":[` + strings.Repeat("1,", 1000) + `1]`, ``, "data.properties: yields more than the maximum size of an event"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(test.kind, map[string]string{})
			switch test.kind {
			case events.EnrollmentRequested:
				c.Data["course_id"] = "'c'"
			case events.ActivityTracked:
				c.Data["name"] = "'n'"
			}
			c.Data[test.member] = test.text
			e, err := mapOne(t, c, `{"type":"x","id":"u",`+test.body+`}`)
			checkFault(t, err, test.fault)
			if test.fault != "" || err != nil {
				return
			}
			if diff := cmp.Diff(decode(t, []byte(test.want)), decode(t, e.Data())); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			mustPass(t, e)
		})
	}
}

func TestMapTypeFromHeader(t *testing.T) {
	c := config(events.UserDeleted, nil)
	c.Type, c.Types = `header["x-topic"]`, map[string]string{"users/create": events.UserDeleted}
	if e, err := mapOne(t, c, `{"id":"u"}`); err != nil || e.Type() != events.UserDeleted {
		t.Errorf("got %v, %v", e, err)
	}
}

// One source maps several types; each takes the shared members that it has, and
// its own go before them.
func TestMapSharedMembers(t *testing.T) {
	m, err := mapping.New("acme", mapping.Config{
		Type:       "body.type",
		Types:      map[string]string{"in": events.UserCreated, "out": events.UserDeleted},
		Data:       map[string]string{"user_id": "body.id", "email": "body.mail", "first_name": "body.first"},
		DataByType: map[string]map[string]string{"out": {"email": "null", "reason": "body.why"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for typ, want := range map[string]string{
		"in":  `{"user_id":"u","email":"a@example.org","first_name":"Ada"}`,
		"out": `{"user_id":"u","reason":"moved"}`,
	} {
		e, err := only(m.Map("msg_1", nil, []byte(`{"type":"`+typ+`","id":"u","mail":"a@example.org","first":"Ada","why":"moved"}`)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decode(t, []byte(want)), decode(t, e.Data())); diff != "" {
			t.Errorf("%s (-want +got)\n%s", typ, diff)
		}
	}
}

func TestMapRefusesBodies(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"nothing":                {"", "body: is empty"},
		"blanks":                 {" \n", "body: is empty"},
		"no JSON":                {"type=x&id=7", "body: json: "},
		"two documents":          {`{"type":"x","id":"u"}{}`, "body: json: "},
		"something after it":     {`{"type":"x","id":"u"} x`, "body: json: "},
		"a name twice":           {`{"type":"x","id":"u","id":"v"}`, "body: duplicate-name: "},
		"a name twice, deep":     {`{"type":"x","id":"u","a":[{"b":1,"\u0062":2}]}`, "body: duplicate-name: "},
		"no UTF-8":               {"{\"type\":\"x\",\"id\":\"\xff\"}", "body: utf8: "},
		"a lone surrogate":       {`{"type":"x","id":"\ud800"}`, "body: utf8: "},
		"a number without end":   {`{"type":"x","id":1e999}`, "body: number: "},
		"too deep":               {`{"type":"x","id":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, "body: depth: "},
		"too many values":        {`{"type":"x","id":[` + strings.Repeat("[],", 100_000) + `0]}`, "body: values: "},
		"too large":              {`{"type":"x","id":"` + strings.Repeat("a", events.MaxSize) + `"}`, "body: size: "},
		"no object":              {`"x"`, "type: cannot be evaluated"},
		"a list":                 {`[{"type":"x"}]`, "type: cannot be evaluated"},
		"no type":                {`{"id":"u"}`, "type: cannot be evaluated at column 5"},
		"a type that is no text": {`{"type":{"x":1},"id":"u"}`, "type: yields an object, want text"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mapOne(t, config(events.UserDeleted, nil), test.body)
			checkFault(t, err, test.want)
		})
	}
}

// A payload that is as long as allowed must not keep the process busy, whatever
// the expressions do with it.
func TestMapIsBounded(t *testing.T) {
	list := `{"type":"x","id":"u","list":[` + strings.Repeat(`{"a":1},`, 8000) + `{"a":1}]}`
	text := `{"type":"x","id":"u","text":"` + strings.Repeat("a", 1_000_000) + `!"}`
	for name, test := range map[string]struct{ expression, body string }{
		"a long list":              {"body.list.filter(x, " + strings.Repeat("x.a == 2 || ", 20) + "false)[0].b", list},
		"lists in lists":           {"string(body.list.exists(x, body.list.exists(y, body.list.exists(z, z.a == 2))))", list},
		"text that grows":          {"body.list.map(x, body.list.map(y, body.id + body.id)).filter(s, s == [])[0][0]", list},
		"a regular expression":     {"body.text.matches('(a*)*(a*)*$') ? 'a' : 'b'", text},
		"text, put together often": {strings.Repeat("body.text + ", 100) + "'.'", text},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(events.UserDeleted, map[string]string{"reason": test.expression})
			_, err := mapOne(t, c, test.body)
			checkFault(t, err, "data.reason: takes too long for this payload")
		})
	}
}

// No error may hold what the payload holds: it goes into logs and answers.
func TestErrorsHoldNoPayload(t *testing.T) {
	const secret = "ada.lindqvist@example.org"
	for _, expression := range []string{
		"string(int(body.mail))", "body.map[body.mail]", "timestamp(body.mail)", "duration(body.mail)", "string(double(body.mail))",
		"body.mail.matches(body.mail + '(')", "string(body.list[body.mail])", "body.mail + 1", "string(-body.mail)", "body[body.mail]",
		"string(bool(body.mail))", "body.object", "body.list", "body.mail.nope", "string(uint(body.mail))", "string(bytes(body.mail)[0])",
	} {
		c := config(events.UserDeleted, map[string]string{"reason": expression})
		m, err := mapping.New("acme", c)
		if err != nil {
			continue // refused before any payload
		}
		_, err = only(m.Map("msg_1", nil, []byte(`{"type":"x","id":"u","map":{},"mail":"`+secret+`","list":["`+secret+`"],"object":{"`+secret+`":1}}`)))
		if err == nil {
			t.Errorf("%s: got no error", expression)
			continue
		}
		if strings.Contains(err.Error(), "ada") {
			t.Errorf("%s: the error tells the address: %v", expression, err)
		}
	}
	_, err := mapOne(t, config(events.UserDeleted, nil), `{"type":"x","`+secret+`":1,"`+secret+`":2}`)
	if err == nil || strings.Contains(err.Error(), "ada") {
		t.Errorf("got %v", err)
	}
}

// Map may be called by many at once.
func TestMapInParallel(t *testing.T) {
	m, body := sender(t, "clerk"), read(t, "clerk", "user.created.json")
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range 50 {
				if _, err := only(m.Map("msg_1", nil, body)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func FuzzMap(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, "msg_1")
	}
	senders := []*mapping.Mapping{sender(f, "clerk"), sender(f, "workos"), sender(f, "thinkific")}
	f.Fuzz(func(t *testing.T, body []byte, id string) {
		for _, m := range senders {
			e, err := only(m.Map(id, http.Header{"X-Topic": {id}}, body))
			_, fault := errors.AsType[*mapping.Error](err)
			switch {
			case err == nil:
				if _, _, err := events.ToNATS(e); err != nil {
					t.Errorf("the event cannot be published: %v", err)
				}
				if events.UserID(e) == "" {
					t.Error("the event has no user_id")
				}
			case !errors.Is(err, errNone) && !fault:
				t.Errorf("got %T: %v", err, err)
			}
		}
	})
}

func BenchmarkMap(b *testing.B) {
	m, body := sender(b, "clerk"), read(b, "clerk", "user.created.json")
	for b.Loop() {
		if _, err := only(m.Map("msg_1", nil, body)); err != nil {
			b.Fatal(err)
		}
	}
}

// TestStringFunctions maps texts by functions of strings. A long result is rejected.
func TestStringFunctions(t *testing.T) {
	build := func(email, first string) *mapping.Mapping {
		m, err := mapping.New("forms", mapping.Config{
			Type: "'x'", Types: map[string]string{"x": events.UserCreated},
			Data: map[string]string{"user_id": "body.id", "email": email, "first_name": first},
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	body := []byte(`{"id":"u","name":"Ada Example","email":" Ada@Example.ORG","long":"` + strings.Repeat("ab", 500) + `"}`)
	for first, want := range map[string]string{
		`body.name.split(" ")[0]`:               `"Ada"`,
		`body.name.substring(4).upperAscii()`:   `"EXAMPLE"`,
		`body.name.replace(" Example", "")`:     `"Ada"`,
		`"A-" + body.name.charAt(0)`:            `"A-A"`,
		`body.name.indexOf("x") > 0 ? "x" : ""`: `"x"`,
	} {
		e, err := only(build("body.email.trim().lowerAscii()", first).Map("1", nil, body))
		if err != nil || !strings.Contains(string(e.Data()), `"first_name":`+want) || !strings.Contains(string(e.Data()), `"ada@example.org"`) {
			t.Errorf("%s: got %s, %v", first, e.Data(), err)
		}
	}
	for _, text := range []string{
		`body.long.replace("a", body.long)`, `body.long.replace("a", "aa")`, `body.long.replace("", "x")`,
		`body.list.map(x, body.long).join("")`, `"%s".format([body.long])`,
	} {
		if _, err := mapping.New("forms", mapping.Config{
			Type: text, Types: map[string]string{"x": events.UserDeleted}, Data: map[string]string{"user_id": "body.id"},
		}); err == nil {
			t.Errorf("%s is taken, and makes a text without bounds", text)
		}
	}
}

// TestByteOrderMark maps a payload behind a byte order mark, and names UTF-16.
func TestByteOrderMark(t *testing.T) {
	m, err := mapping.New("forms", mapping.Config{
		Type: "'x'", Types: map[string]string{"x": events.UserDeleted}, Data: map[string]string{"user_id": "body.id"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := only(m.Map("1", nil, []byte("\ufeff"+`{"id":7}`))); err != nil {
		t.Errorf("with a mark: %v", err)
	}
	if _, err := m.Map("1", nil, []byte("\xff\xfe{\x00}\x00")); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("got %v, want an error that names UTF-16", err)
	}
}
