package mapping_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest/mapping"
)

// FuzzForm maps any body in any media type by rules with lists and json. Each event can be
// published, and has an own id. JSON in the field payload of a form is the JSON itself.
func FuzzForm(f *testing.F) {
	const kind = "application/x-www-form-urlencoded"
	f.Add(kind, `payload=%7B%22people%22%3A%5B%7B%22kind%22%3A%22gone%22%2C%22id%22%3A1%7D%5D%7D`)
	f.Add(kind+"; charset=utf-8", "people=[1,2]&people=3&a[b]=%zz")
	f.Add("application/json", `{"people":[{"kind":"gone","id":"u"},{"kind":"new","id":"v","mail":"v@example.org"}],"text":"{\"id\":\"t\"}"}`)
	f.Add("", "\ufeff{}")
	m := build(f, `
- each: body.people
  type: item.kind
  types: {gone: user.deleted, new: user.created}
  data: {user_id: item.id, email: 'item.?mail'}
- name: text
  type: '"x"'
  types: {x: user.deleted}
  data: {user_id: 'json(body.text).id'}
`)
	f.Fuzz(func(t *testing.T, kind, body string) {
		list, err := m.Map("d1", http.Header{"Content-Type": {kind}}, []byte(body))
		check(t, list, err)
		if kind == "application/json" {
			again, errAgain := m.Map("d1", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte("payload="+url.QueryEscape(body)))
			if (err == nil) != (errAgain == nil) || !slices.Equal(lines(list), lines(again)) {
				t.Errorf("JSON gives %v, %v, and the same in a form %v, %v", lines(list), err, lines(again), errAgain)
			}
		}
	})
}

// check checks the outcomes of any delivery.
func check(t *testing.T, list []mapping.Outcome, err error) {
	t.Helper()
	if _, ok := errors.AsType[*mapping.Error](err); err != nil && !ok {
		t.Errorf("got %T: %v", err, err)
	}
	ids := map[string]bool{}
	for _, o := range list {
		if o.Err != nil {
			if _, ok := errors.AsType[*mapping.Error](o.Err); !ok {
				t.Errorf("got %T: %v", o.Err, o.Err)
			}
			continue
		}
		if _, _, err := events.ToNATS(o.Event); err != nil {
			t.Errorf("the event cannot be published: %v", err)
		}
		if ids[o.Event.ID()] || len(list) > events.MaxBatch {
			t.Errorf("the id %q is there twice, or %d events are too many", o.Event.ID(), len(list))
		}
		ids[o.Event.ID()] = true
	}
}

// FuzzTranslate maps any CloudEvent of another system.
func FuzzTranslate(f *testing.F) {
	f.Add(`{"specversion":"1.0","id":"1","source":"app","type":"com.dapr.event.sent","topic":"user.created","data":{"user_id":"u","email":"u@example.org"}}`)
	f.Add(`{"specversion":"1.0","id":"i","source":"/hr","type":"com.example.import","traceparent":"00-1-1-01","data":["u1",null,7]}`)
	f.Add(`{"specversion":"1.0","id":"i","source":"/hr","type":"com.example.import","data_base64":"AAEC"}`)
	var all []*mapping.Foreign
	for _, text := range []string{dapr, import3} {
		x, err := foreign(f, text)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, x)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := events.Parse([]byte(text))
		if err != nil {
			return
		}
		left := uint64(mapping.MaxCost)
		list, taken, err := mapping.Translate(all, e, &left)
		check(t, list, err)
		one, err := mapping.TranslateOne(all, e)
		if _, ok := errors.AsType[*events.InvalidError](err); err != nil && !ok {
			t.Errorf("got %T: %v", err, err)
		}
		if err == nil && taken && (len(list) != 1 || one.ID() != list[0].Event.ID()) {
			t.Errorf("got %v alone, and %v", one, lines(list))
		}
	})
}
