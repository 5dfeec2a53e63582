package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/usherhq/usher/events"
)

// parse reads a payload by the rules that events themselves are read by: size,
// UTF-8, one JSON document, no name twice, depth. Its error is an *Error.
func parse(body []byte) (any, error) {
	if err := check(body); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var payload any
	if err := d.Decode(&payload); err != nil {
		return nil, &Error{Key: "body", Problem: "is not JSON"}
	}
	return number(payload), nil
}

// check has the payload judged as the data of an event. The error leaves out the
// pointer, whose names are the sender's and may be personal.
func check(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return &Error{Key: "body", Problem: "is empty: send one JSON document"}
	}
	var e events.Event
	e, err := events.New(events.UserCreated, "/webhooks", "check", e.Time(), nil)
	if err != nil {
		return err
	}
	e.DataEncoded = body
	_, _, err = events.ToNATS(e)
	if invalid, ok := errors.AsType[*events.InvalidError](err); ok {
		return &Error{Key: "body", Problem: invalid.Rule + ": " + invalid.Detail}
	}
	return err
}

// number turns the numbers in a payload into int64 where they are whole, so that an
// id stays what it is, else into uint64 or float64.
func number(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			v[name] = number(value)
		}
	case []any:
		for i, value := range v {
			v[i] = number(value)
		}
	case json.Number:
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n
		}
		if n, err := strconv.ParseUint(string(v), 10, 64); err == nil {
			return n
		}
		f, _ := v.Float64() // check has refused what does not fit
		return f
	}
	return v
}
