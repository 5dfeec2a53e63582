package events_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/usherhq/usher/events"
)

func TestToNATSWrites(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"order":   {with(`"data":{"a": 1},"zz":true,"aa":-7,"time":"2026-03-01T10:30:00.50+01:00","dataschema":"https://example.org/s","datacontenttype":"application/json","subject":"u"`), with(`"subject":"u","time":"2026-03-01T09:30:00.5Z","datacontenttype":"application/json","dataschema":"https://example.org/s","aa":-7,"zz":true,"data":{"a": 1}`)},
		"escapes": {with(`"ext":"\u00e9 \"\\ \u2028"`), with("\"ext\":\"é \\\"\\\\ \u2028\"")},
		"text":    {with(`"datacontenttype":"text/plain","data":"a\u000a\u0000"`), with(`"datacontenttype":"text/plain","data":"a\u000a\u0000"`)},
		"bytes":   {with(`"data_base64":"/wA="`), with(`"data_base64":"/wA="`)},
		"all": {
			with(`"data":{},"traceparent":"` + traceparent + `","expirytime":"2027-01-01T00:00:00Z","dataschema":"https://example.org/s?a=b#c","datacontenttype":"application/json","time":"2026-03-01T09:30:00.000000001Z","subject":"é"`),
			with(`"subject":"é","time":"2026-03-01T09:30:00.000000001Z","datacontenttype":"application/json","dataschema":"https://example.org/s?a=b#c","expirytime":"2027-01-01T00:00:00Z","traceparent":"` + traceparent + `","data":{}`),
		},
		"no data": {with(`"subject":"u"`), with(`"subject":"u"`)},
		"null":    {data("null"), data("null")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h, got, err := events.ToNATS(mustParse(t, test.in))
			if err != nil {
				t.Fatalf("ToNATS: %v", err)
			}
			if string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if !json.Valid(got) {
				t.Error("encoding/json calls it invalid")
			}
			gotHeader, wantHeader := fmt.Sprint(h), fmt.Sprint(header{"Content-Type": {"application/cloudevents+json"}, "Nats-Msg-Id": {events.MsgID("t", "/s", "1")}})
			if gotHeader != wantHeader {
				t.Errorf("got headers %s, want %s", gotHeader, wantHeader)
			}
		})
	}
}

// made returns an event made with the SDK's setters, then changed.
func made(change func(*events.Event)) events.Event {
	e := event.New()
	e.SetID("1")
	e.SetSource("/s")
	e.SetType("t")
	change(&e)
	return e
}

func TestToNATSTakesEventsOfTheSDK(t *testing.T) {
	tests := map[string]struct {
		event events.Event
		want  string
	}{
		"data": {made(func(e *events.Event) { e.DataEncoded = []byte("{}") }), data("{}")},
		"JSON as bytes": {made(func(e *events.Event) {
			if err := e.SetData("application/json", []byte(`{"a":1}`)); err != nil {
				t.Fatal(err)
			}
		}), with(`"datacontenttype":"application/json","data":{"a":1}`)},
		"text that is no UTF-8": {made(func(e *events.Event) {
			e.SetDataContentType("text/plain")
			e.DataEncoded = []byte("\xff")
		}), with(`"datacontenttype":"text/plain","data_base64":"/w=="`)},
		"time as extension": {made(func(e *events.Event) { e.SetExtension("expirytime", time.Unix(0, 0)) }), with(`"expirytime":"1970-01-01T00:00:00Z"`)},
		"URL as extension":  {made(func(e *events.Event) { e.SetExtension("dataref", url.URL{Path: "/a"}) }), with(`"dataref":"/a"`)},
		"int as extension":  {made(func(e *events.Event) { e.SetExtension("sampledrate", 5) }), with(`"sampledrate":5`)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, got, err := events.ToNATS(test.event)
			if err != nil {
				t.Fatalf("ToNATS: %v", err)
			}
			if string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestToNATSRefuses(t *testing.T) {
	old := event.New("0.3")
	var typedNil events.Event
	typedNil.Context = (*event.EventContextV1)(nil)
	tests := map[string]struct {
		event         events.Event
		pointer, rule string
	}{
		"no context":        {events.Event{}, "/specversion", "specversion"},
		"nil context":       {typedNil, "/specversion", "specversion"},
		"version 0.3":       {old, "/specversion", "specversion"},
		"no id":             {made(func(e *events.Event) { e.Context.(*event.EventContextV1).ID = "" }), "/id", "required"},
		"source with space": {made(func(e *events.Event) { e.Context.(*event.EventContextV1).Source.Opaque = "a b" }), "/source", "uri-reference"},
		"newline":           {made(func(e *events.Event) { e.SetSubject("a\nb") }), "/subject", "characters"},
		"no UTF-8":          {made(func(e *events.Event) { e.SetSubject("\xff") }), "/subject", "characters"},
		"extension's name": {made(func(e *events.Event) {
			e.Context.(*event.EventContextV1).Extensions = map[string]any{"a_b": "x"}
		}), "/a_b", "attribute-name"},
		"extension of an attribute's name": {made(func(e *events.Event) {
			e.Context.(*event.EventContextV1).Extensions = map[string]any{"id": "2"}
		}), "/id", "attribute-name"},
		"extension's type": {made(func(e *events.Event) {
			e.Context.(*event.EventContextV1).Extensions = map[string]any{"ext": []string{}}
		}), "/ext", "attribute-type"},
		"year -1":    {made(func(e *events.Event) { e.SetTime(time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)) }), "/time", "time"},
		"year 10000": {made(func(e *events.Event) { e.SetTime(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)) }), "/time", "time"},
		"no JSON":    {made(func(e *events.Event) { e.DataEncoded = []byte(`{"a":}`) }), "/data/a", "json"},
		"no UTF-8 in data": {made(func(e *events.Event) {
			e.SetDataContentType("application/json")
			e.DataEncoded = []byte("\"\xff\"")
		}), "/data", "utf8"},
		"size": {made(func(e *events.Event) { e.DataEncoded = []byte(`"` + strings.Repeat("a", events.MaxSize) + `"`) }), "", "size"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := events.ToNATS(test.event)
			checkInvalid(t, err, test.pointer, test.rule)
		})
	}
}

func TestToNATSIsDeterministic(t *testing.T) {
	in := with(`"e1":"1","e2":"2","e3":"3","e4":"4","e5":"5","e6":"6","e7":"7","data":{"b":1,"a":2}`)
	_, first, err := events.ToNATS(mustParse(t, in))
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		_, again, err := events.ToNATS(mustParse(t, in))
		if err != nil || string(again) != string(first) {
			t.Fatalf("got %s, %v, want %s", again, err, first)
		}
	}
}

func mustParse(t testing.TB, text string) events.Event {
	t.Helper()
	e, err := events.Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return e
}
