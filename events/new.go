package events

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// New returns an event with JSON data, as made by a producer. kind is the event type. An error
// means that data has no JSON form, or that an attribute breaks a rule of CloudEvents. The data
// is not checked against a schema.
func New(kind, source, id string, at time.Time, data any) (Event, error) {
	body, err := json.Marshal(data)
	if err != nil {
		return Event{}, fmt.Errorf("write data of %s: %w", kind, err)
	}
	e := event.New()
	e.SetType(kind)
	e.SetSource(source)
	e.SetID(id)
	e.SetTime(at)
	e.SetDataContentType("application/json")
	e.DataEncoded = body
	return e, e.Validate()
}
