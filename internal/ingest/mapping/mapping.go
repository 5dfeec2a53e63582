// Package mapping maps the payloads of web hook senders to events, by the configuration: event
// types, and the members of the data as CEL expressions (Common Expression Language) over the
// payload. Expressions have no side effects and bounded time.
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

// ErrIgnored means that the type of the delivery is not in Config.Types. The sender gets a
// success.
var ErrIgnored = errors.New("the delivery's type is not mapped")

// Error is the reason why a mapping is invalid, or why a payload cannot become an event. The
// text has no value of a payload, and may be logged and shown.
type Error struct {
	Key     string // key in the configuration, such as data.email; "body" for the whole payload
	Problem string // problem and correction
}

// Error returns key and problem.
func (e *Error) Error() string { return e.Key + ": " + e.Problem }

// Mapping maps the deliveries of one sender to events. A Mapping is safe for concurrent use.
type Mapping struct {
	source string
	kind   *keyed                 // the sender's type
	id     *keyed                 // nil: id of the delivery
	time   *keyed                 // nil: events without a time
	types  map[string]*dataOfType // by the sender's type
}

// dataOfType has the members of an event, for one type of the sender.
type dataOfType struct {
	ours    string
	members []member
}

// member is one member of the data of an event.
type member struct {
	name     string
	form     form
	required bool
	value    *keyed
}

var goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// New compiles the mapping of a sender. Events have the source /webhooks/NAME. All faults are
// reported at once: the error joins an *Error for each.
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

// Map maps a verified delivery to an event. The id of the event is the value of Config.ID, or
// else deliveryID. The error is ErrIgnored for a type without a mapping, or else an *Error. The
// data is not checked against a schema.
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

// data evaluates all members. null and "" are left out.
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
			return nil, m.value.fault(fmt.Errorf("the payload has no value here, and %s requires one", t.ours))
		}
	}
	return data, nil
}

// checked returns the event, or an error if the event could not be published.
func (m *Mapping) checked(ours, id string, at time.Time, data map[string]any) (events.Event, error) {
	e, err := events.New(ours, m.source, id, at, data)
	if err != nil {
		return e, &Error{Key: "data", Problem: "the payload gives no valid event"}
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
