package mapping_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest/mapping"
)

// form returns a body with one field.
func form(name, value string) string { return url.Values{name: {value}}.Encode() }

// TestForms maps deliveries in the media types of forms.
func TestForms(t *testing.T) {
	const kind = "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		kind, body, id string
		want           string // data, or the fault behind !
	}{
		"JSON in the field payload":          {kind, form("payload", `{"id":"ada","note":"a+b%20c"}`), "body.id", `{"user_id":"ada"}`},
		"with a charset":                     {kind + "; charset=utf-8", form("payload", `{"id":"ada"}`), "body.id", `{"user_id":"ada"}`},
		"a plain form":                       {kind, "id=ada&list=1&list=2", "body.id", `{"user_id":"ada"}`},
		"a repeated field":                   {kind, "id=ada&list=1&list=2", "body.list[1]", `{"user_id":"2"}`},
		"a name with brackets":               {kind, "data%5Bid%5D=ada", `body["data[id]"]`, `{"user_id":"ada"}`},
		"JSON in another field":              {kind, form("data", `{"id":"ada"}`), "json(body.data).id", `{"user_id":"ada"}`},
		"payload beside other fields":        {kind, form("payload", `{"id":"ada"}`) + "&v=1", "json(body.payload).id", `{"user_id":"ada"}`},
		"JSON that says form":                {kind, ` {"id":"ada"}`, "body.id", `{"user_id":"ada"}`},
		"JSON of another media type":         {"text/plain", `{"id":"ada"}`, "body.id", `{"user_id":"ada"}`},
		"a bad escape":                       {kind, "id=%zz", "body.id", "!body: is not a form"},
		"another encoding":                   {kind, "id=%ff", "body.id", "!body: is a form in another encoding"},
		"no JSON in payload":                 {kind, "payload=hello", "body.id", "!body: json: "},
		"too many fields":                    {kind, strings.Repeat("a=1&", 1000) + "id=ada", "body.id", "!body: is a form with too many fields"},
		"nothing":                            {kind, "", "body.id", "!data.user_id: cannot be evaluated"},
		"a form of another media type":       {"text/plain", "id=ada", "body.id", "!body: json: "},
		"no JSON in json()":                  {kind, "data=hello", "json(body.data).id", "!data.user_id: cannot be evaluated"},
		"json() of what is no text":          {kind, `{"data":7}`, "json(body.data).id", "!data.user_id: cannot be evaluated"},
		"names twice in json()":              {kind, form("data", `{"id":"a","id":"b"}`), "json(body.data).id", "!data.user_id: cannot be evaluated"},
		"a number in json() stays exact":     {kind, form("data", `{"id":90071992547409931}`), "json(body.data).id", `{"user_id":"90071992547409931"}`},
		"json() in json()":                   {kind, form("data", `{"deep":"{\"id\":\"ada\"}"}`), "json(json(body.data).deep).id", `{"user_id":"ada"}`},
		"a missing member in json()":         {kind, form("data", `{}`), "json(body.data).?id.orValue('u')", `{"user_id":"u"}`},
		"the length of a list, from json()":  {kind, form("data", `[1,2,3]`), "string(json(body.data).size())", `{"user_id":"3"}`},
		"a byte order mark before the JSON":  {kind, "\ufeff" + `{"id":"ada"}`, "body.id", `{"user_id":"ada"}`},
		"an empty value is left out as null": {kind, "id=&name=ada", "body.name", `{"user_id":"ada"}`},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := mapping.New("acme", mapping.Config{Type: "'x'", Types: map[string]string{"x": events.UserDeleted}, Data: map[string]string{"user_id": test.id}})
			if err != nil {
				t.Fatal(err)
			}
			e, err := only(m.Map("1", http.Header{"Content-Type": {test.kind}}, []byte(test.body)))
			if want, faulty := strings.CutPrefix(test.want, "!"); faulty || err != nil {
				checkFault(t, err, want)
				return
			}
			if diff := cmp.Diff(test.want, string(e.Data())); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestJSONIsBounded calls json in a loop over a long list, on a long text.
func TestJSONIsBounded(t *testing.T) {
	c := config(events.UserDeleted, map[string]string{"reason": "body.list.exists(x, json(body.text) == x) ? 'a' : 'b'"})
	_, err := mapOne(t, c, `{"type":"x","id":"u","list":[`+strings.Repeat("1,", 5000)+`1],"text":"[`+strings.Repeat("1,", 50_000)+`1]"}`)
	checkFault(t, err, "data.reason: takes too long for this payload")
}
