package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/usherhq/usher/events"
)

// FuzzFromHTTP sends a body with the four required ce- headers and one more
// header, which takes the place of a required one of exactly its name. What is
// accepted must survive being written and read again. A batch must be judged as
// encoding/json and Parse judge it together.
func FuzzFromHTTP(f *testing.F) {
	const structuredType, batchType = "application/cloudevents+json", "application/cloudevents-batch+json"
	f.Add("", "", "", []byte(nil))
	f.Add("application/json", "ce-time", "2026-03-01T09:30:00Z", []byte(" {\"user_id\":\"u\"}\n"))
	f.Add("text/plain; charset=iso-8859-1", "CE-Ext", `"a \"b\" %20\\"`, []byte("\xfc"))
	f.Add("image/png", "ce-id", "Euro%20%E2%82%AC%20%f0%9f%98%80", []byte("\xff\x00"))
	f.Add("", "ce-source", "/a%2520b", []byte("hello"))
	f.Add("application/json", "ce-:", "%C0%A0", []byte("{}"))
	f.Add("Application/CloudEvents+JSON; Charset=\"UTF-8\"", "ce-", "x", []byte(full))
	f.Add(structuredType, "ce-data", "x", []byte(with(`"datacontenttype":"text/plain","data":"a\u0000"`)))
	f.Add(structuredType+"; charset=utf-16", "content-type", "a", []byte(data("1")))
	f.Add("application/cloudevents+avro", "", "", []byte(data("1")))
	f.Add(batchType, "ce-id", "2", []byte("["+full+" ,"+data(`"]\"},{\\"`)+"]"))
	f.Add(batchType, "", "", []byte("[]"))
	f.Add(batchType, "", "", []byte(`[{},1,[],"\"",{"id":"a","id":1}, {"a":[}]}]`))
	f.Add(batchType, "", "", []byte("[["+data("1")+"]]x"))
	for _, test := range refused {
		if len(test.in) < 512 {
			f.Add(structuredType, "", "", []byte(test.in))
			f.Add(batchType, "", "", []byte("["+test.in+","+data("1")+"]"))
		}
	}
	f.Fuzz(func(t *testing.T, contentType, name, value string, body []byte) {
		h := binary()
		h["Content-Type"] = []string{contentType}
		h[name] = []string{value}
		list, batch, err := events.FromHTTP(h, slices.Clip(body))
		if batch && !errors.Is(err, events.ErrMediaType) {
			checkBatch(t, list, err, body)
		}
		if err != nil {
			checkHTTPError(t, list, err)
			return
		}
		if !batch && len(list) != 1 {
			t.Fatalf("got %d events, want 1", len(list))
		}
		for _, e := range list {
			sameAgain(t, trimmed(e))
		}
	})
}

// checkHTTPError checks that a refusal is of one of the three kinds, and total.
func checkHTTPError(t *testing.T, list []events.Event, err error) {
	t.Helper()
	if list != nil {
		t.Fatalf("got events with the error %v", err)
	}
	if !errors.Is(err, events.ErrMediaType) {
		checkError(t, err)
	}
}

// checkBatch compares a verdict over a batch with what encoding/json and Parse say.
func checkBatch(t *testing.T, list []events.Event, err error, body []byte) {
	t.Helper()
	var pieces []json.RawMessage
	isArray := json.Unmarshal(bytes.TrimPrefix(body, []byte("\ufeff")), &pieces) == nil && pieces != nil
	bad, partly := errors.AsType[*events.BatchError](err)
	_, refused := errors.AsType[*events.InvalidError](err)
	whole := refused && !partly
	switch {
	case err == nil && !isArray:
		t.Fatalf("accepted %q, which encoding/json calls no array", body)
	case isArray && whole != (len(pieces) > events.MaxBatch):
		t.Fatalf("got error %v for an array of %d", err, len(pieces))
	case !isArray || whole:
		return
	}
	faults := make(map[int]events.InvalidError)
	if bad != nil {
		for _, f := range bad.Faults {
			faults[f.Index] = *f.Err
		}
		if len(faults) != len(bad.Faults) || len(faults) == 0 {
			t.Fatalf("got faults %v", bad.Faults)
		}
	}
	for i, piece := range pieces {
		e, err := events.Parse(piece)
		var want events.InvalidError
		if invalid, ok := errors.AsType[*events.InvalidError](err); ok {
			want = *invalid
		}
		if faults[i].Pointer != want.Pointer || faults[i].Rule != want.Rule {
			t.Fatalf("event %d: got %v, want %v", i, faults[i], want)
		}
		if bad == nil && describe(list[i]) != describe(e) {
			t.Fatalf("event %d: got %s, want %s", i, describe(list[i]), describe(e))
		}
	}
}
