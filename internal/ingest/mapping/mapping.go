// Package mapping makes events of what senders of web hooks say, as the
// configuration tells it: which of their types becomes which of ours, and where
// in their payload its data stands. The places are expressions in CEL (the Common
// Expression Language), which can neither change anything nor run for long.
package mapping

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
)

// ErrIgnored says that nothing is wanted of a delivery's type: it is not in
// Config.Types. The sender is told that all is well.
var ErrIgnored = errors.New("the delivery's type is not mapped")

// Error says why a mapping is refused, or why it cannot make an event of a
// payload. It holds no value of any payload, so it may be logged and shown.
type Error struct {
	Key     string // the key of the configuration, as in data.email; body for the payload as a whole
	Problem string // what is wrong and what to do about it
}

// Error says where and what.
func (e *Error) Error() string { return e.Key + ": " + e.Problem }

// Mapping makes events of one sender's deliveries. It is safe for concurrent use.
type Mapping struct {
	source string
	kind   *expression            // the sender's type
	id     *expression            // nil: the delivery's id
	time   *expression            // nil: events have no time
	types  map[string]*dataOfType // by the sender's type
}

// dataOfType is what an event of one sender's type consists of.
type dataOfType struct {
	ours    string
	members []member
}

// member is one member of an event's data.
type member struct {
	name     string
	form     form
	required bool
	value    *expression
}

var goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// New compiles the mapping of the sender of that name, whose events have the
// source /webhooks/NAME. It reports all faults at once: the error joins an *Error
// for each.
func New(name string, c Config) (*Mapping, error) {
	if !goodName.MatchString(name) {
		return nil, &Error{Key: "name", Problem: "use letters, digits, - and _ in the name of a source"}
	}
	b, err := newBuilder(c)
	if err != nil {
		return nil, err
	}
	m := &Mapping{
		source: "/webhooks/" + name,
		kind:   b.required("type", c.Type, textForm),
		id:     b.optional("id", c.ID, textForm),
		time:   b.optional("time", c.Time, timeForm),
		types:  b.allTypes(),
	}
	return m, errors.Join(b.faults...)
}

// Map makes an event of a delivery that has been verified. The id of the event is
// what Config.ID yields; without that, deliveryID. The error is ErrIgnored where
// the sender's type is not mapped, else an *Error. The data has not been checked
// against the schema of the event's type.
func (m *Mapping) Map(deliveryID string, header http.Header, body []byte) (events.Event, error) {
	e, err := m.event(deliveryID, header, body)
	if err != nil {
		return events.Event{}, err
	}
	return e, nil
}

func (m *Mapping) event(deliveryID string, header http.Header, body []byte) (events.Event, error) {
	payload, err := parse(body)
	if err != nil {
		return events.Event{}, err
	}
	in := input(header, payload)
	theirs, err := m.kind.text(in)
	if err != nil {
		return events.Event{}, err
	}
	t, ok := m.types[theirs]
	if !ok {
		return events.Event{}, ErrIgnored
	}
	id, err := m.identify(deliveryID, in)
	if err != nil {
		return events.Event{}, err
	}
	var at time.Time
	if m.time != nil {
		if at, err = m.time.time(in); err != nil {
			return events.Event{}, err
		}
	}
	data, err := t.data(in)
	if err != nil {
		return events.Event{}, err
	}
	return m.checked(t.ours, id, at, data)
}

// identify returns the id of the event.
func (m *Mapping) identify(deliveryID string, in vars) (string, error) {
	if m.id != nil {
		return m.id.text(in)
	}
	if deliveryID == "" {
		return "", &Error{Key: "id", Problem: "the delivery has no id of its own: set id to what names it in the payload, such as body.id"}
	}
	return deliveryID, nil
}

// data evaluates all members. What is null or an empty text is left out.
func (t *dataOfType) data(in vars) (map[string]any, error) {
	data := make(map[string]any, len(t.members))
	for _, m := range t.members {
		value, err := m.value.eval(in)
		if err != nil {
			return nil, err
		}
		if value, err = m.form.take(value); err != nil {
			return nil, m.value.fault(err)
		}
		if value != nil {
			data[m.name] = value
			continue
		}
		if m.required {
			return nil, m.value.fault(fmt.Errorf("the payload has nothing here, and %s needs it", t.ours))
		}
	}
	return data, nil
}

// checked makes the event, and refuses one that could not be published.
func (m *Mapping) checked(ours, id string, at time.Time, data map[string]any) (events.Event, error) {
	e, err := events.New(ours, m.source, id, at, data)
	if err != nil {
		return e, &Error{Key: "data", Problem: "the payload makes no valid event"}
	}
	_, _, err = events.ToNATS(e)
	if invalid, ok := errors.AsType[*events.InvalidError](err); ok {
		key, _, _ := strings.Cut(strings.TrimPrefix(invalid.Pointer, "/"), "/")
		if key == "" {
			key = "body"
		}
		return e, &Error{Key: key, Problem: invalid.Rule + ": " + invalid.Detail}
	}
	return e, nil
}
