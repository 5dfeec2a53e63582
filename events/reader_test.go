package events_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// A Reader drops faulty extensions, by every way in, and nothing else. Without the setting each of them
// is an error.
func TestReaderDropsFaultyExtensions(t *testing.T) {
	const whole = `"specversion":"1.0","id":"1","source":"/s","type":"user.created","data":{"user_id":"u"}`
	long := strings.Repeat("x", events.MaxAttribute+1)
	for name, c := range map[string]struct {
		member, header string // of the JSON, and of binary mode without ce-; empty: does not exist there
		value          string // of the header
		kept           bool   // an error with the setting, too
	}{
		"an underscore in the name": {`"event_source":"x"`, "event_source", "x", false},
		"a hyphen in the name":      {`"trace-id":"x"`, "trace-id", "x", false},
		"an upper-case name":        {`"TraceID":"x"`, "", "", false},
		"a large number":            {`"size":12345678901`, "", "", false},
		"a fraction":                {`"size":1.5`, "", "", false},
		"an object":                 {`"meta":{"a":[1,{"b":2}]}`, "", "", false},
		"a list":                    {`"tags":["a"]`, "", "", false},
		"a control character":       {`"note":"a\u0001b"`, "note", "a%01b", false},
		"a long text":               {`"note":"` + long + `"`, "note", long, false},
		"broken percent-encoding":   {"", "note", "%C3%28", false},
		"a faulty expirytime":       {`"expirytime":12345678901`, "expirytime", "%C3%28", true},
		"a faulty attribute":        {`"subject":12345678901`, "subject", "%C3%28", true},
		"a faulty time":             {`"time":"yesterday"`, "time", "yesterday", true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []events.Reader{{}, {DropExtensions: true}} {
				fails := c.kept || !r.DropExtensions
				if c.member != "" {
					structured := []byte("{" + c.member + "," + whole + "}")
					check := func(way string, e events.Event, err error) { checkRead(t, way, e, err, fails) }
					e, err := r.FromNATS(nil, structured)
					check("a message", e, err)
					e, err = first(r.FromHTTP(http.Header{"Content-Type": {events.ContentType}}, structured))
					check("a request", e, err)
					e, err = first(r.FromHTTP(http.Header{"Content-Type": {events.BatchContentType}}, []byte("["+string(structured)+"]")))
					check("a batch", e, err)
				}
				if c.header != "" {
					header := http.Header{
						"Content-Type": {"application/json"}, "ce-specversion": {"1.0"}, "ce-id": {"1"}, "ce-source": {"/s"}, "ce-type": {"user.created"},
						"ce-" + c.header: {c.value},
					}
					e, err := r.FromNATS(header, []byte(`{"user_id":"u"}`))
					checkRead(t, "a binary message", e, err, fails)
					e, err = first(r.FromHTTP(header, []byte(`{"user_id":"u"}`)))
					checkRead(t, "a binary request", e, err, fails)
				}
			}
		})
	}
}

// first returns the only event of a request.
func first(list []events.Event, _ bool, err error) (events.Event, error) {
	if err != nil || len(list) != 1 {
		return events.Event{}, errors.Join(err)
	}
	return list[0], nil
}

// checkRead checks an event that is read without the faulty extension, or refused.
func checkRead(t *testing.T, way string, e events.Event, err error, fails bool) {
	t.Helper()
	switch {
	case fails && err == nil:
		t.Errorf("%s was read", way)
	case !fails && err != nil:
		t.Errorf("%s was refused: %v", way, err)
	case !fails && (e.ID() != "1" || events.UserID(e) != "u" || len(e.Extensions()) > 0):
		t.Errorf("%s: got the id %q with the extensions %v", way, e.ID(), e.Extensions())
	}
}
