package vendors_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/vendors"
)

// page is a response with a value of each kind.
type page struct {
	Total vendors.Int    `json:"total"`
	Users []entry        `json:"users"`
	Extra map[string]any `json:"extra"`
	Score json.Number    `json:"score"`
}

type entry struct {
	ID    vendors.Int   `json:"id"`
	Key   string        `json:"key"`
	On    vendors.Flag  `json:"on"`
	Tags  []vendors.Int `json:"tags"`
	Inner struct {
		Name string `json:"name"`
	} `json:"inner"`
}

func TestFormsOfResponses(t *testing.T) {
	one := page{Total: 1, Users: []entry{{ID: 7, Key: "a"}}}
	named := entry{ID: 7, Key: "15"}
	for name, test := range map[string]struct {
		body string
		want page
	}{
		"as documented":             {`{"total":1,"users":[{"id":7,"key":"a"}]}`, one},
		"a byte order mark":         {"\ufeff" + `{"total":1,"users":[{"id":7,"key":"a"}]}`, one},
		"marks and blanks":          {" \ufeff\n\ufeff" + `{"total":1,"users":[{"id":7,"key":"a"}]}` + "\r\n\ufeff", one},
		"a list as an object":       {`{"total":1,"users":{"0":{"id":7,"key":"a"}}}`, one},
		"a list with gaps":          {`{"total":2,"users":{"11":{"id":9},"2":{"id":7}}}`, page{Total: 2, Users: []entry{{ID: 7}, {ID: 9}}}},
		"a list within a list":      {`{"users":[{"tags":{"3":"4","0":5}}]}`, page{Users: []entry{{Tags: []vendors.Int{5, 4}}}}},
		"an empty list as object":   {`{"users":{}}`, page{Users: []entry{}}},
		"an empty object as list":   {`{"users":[{"inner":[]}],"extra":[]}`, page{Users: []entry{{}}, Extra: map[string]any{}}},
		"an object as a list":       {`{"extra":["x"]}`, page{Extra: map[string]any{"0": "x"}}},
		"false for a text":          {`{"users":[{"key":false}]}`, page{Users: []entry{{}}}},
		"null everywhere":           {`{"total":null,"users":[{"id":null,"key":null,"on":null,"tags":null,"inner":null}]}`, page{Users: []entry{{}}}},
		"a number for a text":       {`{"users":[{"id":7,"key":15}]}`, page{Users: []entry{named}}},
		"15.0 for a text":           {`{"users":[{"id":7,"key":15.0}]}`, page{Users: []entry{named}}},
		"a large number for a text": {`{"users":[{"key":9007199254740993}]}`, page{Users: []entry{{Key: "9007199254740993"}}}},
		"text for a number":         {`{"total":" 15 "}`, page{Total: 15}},
		"15.0":                      {`{"total":15.0}`, page{Total: 15}},
		"15.00 as text":             {`{"total":"15.00"}`, page{Total: 15}},
		"1.5e1":                     {`{"total":1.5e1}`, page{Total: 15}},
		"beyond floats":             {`{"total":9007199254740993}`, page{Total: 9007199254740993}},
		"beyond floats with .0":     {`{"total":9007199254740993.0}`, page{Total: 9007199254740993}},
		"beyond floats as text":     {`{"total":"9223372036854775807"}`, page{Total: 9223372036854775807}},
		"false for a number":        {`{"total":false}`, page{}},
		"1.0 for a flag":            {`{"users":[{"on":1.0},{"on":"True"},{"on":"1"}]}`, page{Users: []entry{{On: true}, {On: true}, {On: true}}}},
		"a score as text":           {`{"score":" 1.5"}`, page{Score: "1.5"}},
		"no score":                  {`{"score":""}`, page{}},
		"another case":              {`{"Total":"1","USERS":{"0":{"ID":"7","key":"a"}}}`, one},
		"a name too many":           {`{"total":1,"users":{"0":{"id":7,"key":"a"}},"more":[{"x":1}]}`, one},
	} {
		t.Run(name, func(t *testing.T) {
			var got page
			if err := respond(200, test.body).Do(t.Context(), vendors.Call{Method: http.MethodGet, Path: "/", Out: &got}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// respond returns a client whose vendor always gives one response.
func respond(status int, body string) *vendors.Client {
	return client(roundTrip(func(r *http.Request) (*http.Response, error) { return answer(r, status, body), nil }), nil)
}

// TestUnreadableResponses checks that the error names the place, and no value.
func TestUnreadableResponses(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"nothing":           {"", "no body"},
		"blanks":            {" \n\ufeff", "no body"},
		"HTML":              {"<!doctype html><p>ada@example.org", "HTML or XML"},
		"HTML after blanks": {"\n\n  <html>ada@example.org", "HTML or XML"},
		"a warning of PHP":  {"<br />\n<b>Warning</b>: ada@example.org {\"total\":1}", "HTML or XML"},
		"XML":               {"\ufeff<?xml version=\"1.0\"?><ada@example.org/>", "HTML or XML"},
		"UTF-16":            {"\xff\xfe{\x00}\x00", "UTF-16"},
		"UTF-16, big":       {"\xfe\xff\x00{\x00}", "UTF-16"},
		"UTF-16, no mark":   {"{\x00\"\x00", "UTF-16"},
		"half":              {`{"total":1,"users":[{"key":"ada@example.org`, "ends within the JSON"},
		"text":              {`ada@example.org`, "no JSON at byte 1"},
		"two values":        {`{"total":"x1"} {"ada@example.org":1}`, "goes on after the JSON"},
		"a list":            {`["ada@example.org"]`, "not an object"},
		"a list at a place": {`{"users":"ada@example.org"}`, "at /users: want a list"},
		"a deep place":      {`{"users":[{"id":1},{"id":"ada@example.org"}]}`, "at /users/1/id: want a whole number"},
		"a fraction":        {`{"total":1.5}`, "at /total: want a whole number"},
		"a huge exponent":   {`{"total":1e99}`, "at /total: want a whole number"},
		"true for a number": {`{"total":true}`, "at /total: want a whole number"},
		"named members":     {`{"users":{"ada@example.org":{"id":1}}}`, "at /users: want a list"},
		"an object as text": {`{"users":[{"key":{"ada@example.org":1}}]}`, "at /users/0/key: want a text"},
		"text as object":    {`{"users":[{"inner":"ada@example.org"}]}`, "at /users/0/inner: want an object"},
		"text as score":     {`{"score":"ada@example.org"}`, "at /score: want a number"},
	} {
		t.Run(name, func(t *testing.T) {
			var out page
			err := respond(200, test.body).Do(t.Context(), vendors.Call{Op: "list users", Method: http.MethodPost, Path: "/", Out: &out})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "list users") || strings.Contains(err.Error(), "ada") {
				t.Errorf("got %v, want %q at list users, without a value", err, test.want)
			}
			if !vendors.IsUnreadable(err) || !vendors.IsUnknown(err) || vendors.ClassOf(err) != vendors.Again {
				t.Errorf("got %#v, want an unreadable response to a change that may have been made", err)
			}
		})
	}
}

func TestChangesWithoutContent(t *testing.T) {
	for name, test := range map[string]struct {
		status   int
		body     string
		ok, none bool
	}{
		"204": {204, "", true, true}, "200": {200, "", true, true}, "201 with blanks": {201, " \r\n", true, true}, "a mark": {202, "\ufeff", true, true},
		"null": {200, "null", true, true}, "content": {200, `{"total":1}`, true, false}, "an object": {200, `{}`, true, false},
		"HTML": {200, "<p>log in</p>", false, false}, "text": {200, "ok", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var out page
			none := false
			err := respond(test.status, test.body).Do(t.Context(), vendors.Call{Method: http.MethodPost, Path: "/", NoContent: &none, Out: &out})
			if (err == nil) != test.ok || none != test.none {
				t.Errorf("got %v, no content %v, want success %v, no content %v", err, none, test.ok, test.none)
			}
			ignored := respond(test.status, test.body).Do(t.Context(), vendors.Call{Method: http.MethodPost, Path: "/"})
			if markup := name == "HTML"; (ignored != nil) != markup {
				t.Errorf("got %v for an ignored body, want an error for HTML only", ignored)
			}
		})
	}
}

// TestNobody checks that a response without an account needs the proof of the control.
func TestNobody(t *testing.T) {
	broken := errors.New("the other account is not shown either")
	for name, test := range map[string]struct {
		body    string
		control error
		gone    bool
	}{
		"nothing": {"", nil, true}, "null": {"null", nil, true}, "an empty object": {"{}", nil, true}, "an empty list": {" [ ] ", nil, true},
		"a member": {`{"user":null}`, nil, true}, "PHP's member": {`{"user":[],"status":404}`, nil, true}, "two members": {`{"user":null,"data":{}}`, nil, true},
		"no proof": {"null", broken, false}, "no proof of nothing": {"", broken, false},
		"a message": {`{"user":null,"message":"no connection"}`, nil, false}, "a failure": {`{"user":null,"success":false}`, nil, false},
		"an error": {`{"error":{"code":7}}`, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			var out page
			control := func(context.Context) error { return test.control }
			err := respond(200, test.body).Do(t.Context(), vendors.Call{Method: http.MethodGet, Path: "/", Control: control, Out: &out})
			if vendors.IsGone(err) != test.gone {
				t.Errorf("got %v, want no such account: %v", err, test.gone)
			}
			if test.control != nil && !vendors.IsUnreadable(err) {
				t.Errorf("got %v, want an unreadable response", err)
			}
		})
	}
}
