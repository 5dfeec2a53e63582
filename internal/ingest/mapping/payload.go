package mapping

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/expression"
)

// parse reads a payload with the rules for events: size, UTF-8, one JSON document, no duplicate
// names, depth. An error is an *Error.
func parse(body []byte) (any, error) {
	body, err := events.JSONText(body)
	if invalid, ok := errors.AsType[*events.InvalidError](err); ok {
		return nil, &Error{Key: "body", Problem: invalid.Rule + ": " + invalid.Detail}
	}
	if err := check(body); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var payload any
	if err := d.Decode(&payload); err != nil {
		return nil, &Error{Key: "body", Problem: "is not JSON"}
	}
	return expression.Numbers(payload), nil
}

// check checks the payload as the data of an event. The error has no pointer, because the
// sender's names may be personal.
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
