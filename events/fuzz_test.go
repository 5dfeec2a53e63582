package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
)

// sameAgain writes e, reads it back, and checks that nothing changed, and that
// the SDK and encoding/json agree with what was accepted.
func sameAgain(t *testing.T, e events.Event) {
	t.Helper()
	if err := e.Validate(); err != nil {
		t.Fatalf("the SDK calls the event invalid: %v", err)
	}
	h, payload, err := events.ToNATS(e)
	invalid, ok := errors.AsType[*events.InvalidError](err)
	if ok && invalid.Rule == events.RuleSize {
		return // escapes and base64 make some events grow
	}
	if err != nil {
		t.Fatalf("ToNATS: %v", err)
	}
	if !json.Valid(payload) {
		t.Fatalf("encoding/json calls %q invalid", payload)
	}
	again, err := events.FromNATS(h, payload)
	if err != nil {
		t.Fatalf("FromNATS of %q: %v", payload, err)
	}
	if got, want := describe(again), describe(e); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	_, twice, err := events.ToNATS(again)
	if err != nil || !bytes.Equal(twice, payload) {
		t.Fatalf("got %q, %v, want %q", twice, err, payload)
	}
}

// describe returns all that an event says.
func describe(e events.Event) string {
	return fmt.Sprintf("%q %q %q %q %q %q %q %s %q %t %v %s",
		e.SpecVersion(), e.ID(), e.Source(), e.Type(), e.Subject(), e.DataContentType(), e.DataSchema(),
		e.Time().UTC().Format(time.RFC3339Nano), e.Data(), e.Data() == nil, e.Extensions(), events.UserID(e))
}

func FuzzParse(f *testing.F) {
	for _, test := range refused {
		if len(test.in) < 4096 {
			f.Add([]byte(test.in))
		}
	}
	for _, unit := range []string{"[],", "{},", `{"a":[]},`, "null,", "[", "1"} {
		f.Add([]byte(data("[" + strings.Repeat(unit, 20_000) + "0]")))
	}
	f.Add([]byte(full))
	f.Add([]byte(with(`"datacontenttype":"text/plain","data":"a\u0000"`)))
	f.Add([]byte(with(`"datacontenttype":"application/json","data_base64":"e30=","time":"0001-01-01T00:00:00Z","flag":true,"n":-1`)))
	f.Fuzz(func(t *testing.T, in []byte) {
		e, err := events.Parse(in)
		if err != nil {
			checkError(t, err)
			return
		}
		if !json.Valid(bytes.TrimPrefix(in, []byte("\ufeff"))) {
			t.Fatalf("accepted %q, which encoding/json calls invalid", in)
		}
		sameAgain(t, e)
	})
}

// checkError checks that a refusal is of the one type and says all it should.
func checkError(t *testing.T, err error) {
	t.Helper()
	invalid, ok := errors.AsType[*events.InvalidError](err)
	if !ok || invalid.Rule == "" || invalid.Detail == "" {
		t.Fatalf("got error %#v", err)
	}
}

func FuzzFromNATS(f *testing.F) {
	f.Add("Content-Type: application/cloudevents+json", []byte(full))
	f.Add("ce-:\nce-specversion: 1.0", []byte("{}"))
	f.Add("Ce-Specversion: 1.0\nCE-ID: %E2%82%AC\nce-source: /a%2520b\nce-type: t\nce-ext: \"a\\\"b\"\nContent-Type: text/plain", []byte("a"))
	f.Add("ce-specversion: 1.0\nce-id: 1\nce-source: /s\nce-type: t\nce-time: 2026-03-01T09:30:00Z\nce-dataschema: urn:a", []byte(" {\"a\":1} "))
	f.Add("ce-specversion: 1.0\nce-id: 1\nce-source: /s\nce-type: t\nce-datacontenttype: image/png", []byte("\xff"))
	f.Add("ce-specversion\nce-id", []byte(full))
	f.Add("Content-Type: application/cloudevents-batch+json", []byte("[]"))
	f.Fuzz(func(t *testing.T, lines string, payload []byte) {
		e, err := events.FromNATS(headerOf(lines), payload)
		if err != nil {
			checkError(t, err)
			return
		}
		sameAgain(t, e)
	})
}

// headerOf makes headers of lines; a line without a colon and a space is a
// header without values.
func headerOf(lines string) header {
	h := make(header)
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			h[name] = append(h[name], []string{}...)
			continue
		}
		h[name] = append(h[name], value)
	}
	return h
}
