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
	name  string
	rules []*rule
}

// origin holds the source of events, and the defaults of id and time.
type origin struct {
	source, id string
	time       time.Time
}

// rule makes an event, or an event of each element of a list.
type rule struct {
	name  string
	each  *keyed                 // nil: one event
	kind  *keyed                 // the sender's type
	id    *keyed                 // nil: id of the delivery
	named bool                   // id names the element, without its position
	time  *keyed                 // nil: events without a time
	types map[string]*dataOfType // by the sender's type
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

// New compiles the rules of a sender. Events have the source /webhooks/NAME. All faults are
// reported at once: the error joins an *Error for each.
func New(name string, rules ...Config) (*Mapping, error) {
	if !goodName.MatchString(name) {
		return nil, &Error{Key: "name", Problem: "use letters, digits, - and _ in the name of a source"}
	}
	return build(name, newEnv, rules)
}

// build compiles the rules over the variables of newEnv.
func build(name string, newEnv envMaker, rules []Config) (*Mapping, error) {
	b, err := newBuilder(newEnv)
	if err != nil {
		return nil, err
	}
	m := &Mapping{name: name}
	if len(rules) == 0 {
		b.fault("event", "is missing: set type, types and data")
	}
	names := map[string]bool{}
	for i, c := range rules {
		if names[c.Name] || c.Name != "" && !goodName.MatchString(c.Name) {
			b.prefix = ""
			b.fault("name", "of rule %d is repeated, missing, or not of letters, digits, - and _: only one rule may do without", i+1)
		}
		names[c.Name] = true
		x, err := b.rule(c)
		if err != nil {
			return nil, err
		}
		m.rules = append(m.rules, x)
	}
	return m, errors.Join(b.faults...)
}

// Map maps a verified delivery to events, in the order of the rules and of the lists, at most
// events.MaxBatch. The list is empty for a delivery without an event for Usher. The id of an
// event is the value of Config.ID, or else deliveryID, with the name of the rule and the position
// in the list. An error is an *Error about the whole delivery. The data is not checked against a
// schema.
func (m *Mapping) Map(deliveryID string, header http.Header, body []byte) ([]Outcome, error) {
	body, err := unwrap(header, body)
	if err != nil {
		return nil, err
	}
	payload, err := parse(body)
	if err != nil {
		return nil, err
	}
	return m.outcomes(origin{source: "/webhooks/" + m.name, id: deliveryID}, input(header, payload))
}

// outcomes applies all rules.
func (m *Mapping) outcomes(from origin, in vars) ([]Outcome, error) {
	var all []Outcome
	for _, x := range m.rules {
		list, err := x.apply(from, in)
		if err != nil && len(m.rules) == 1 {
			return nil, err
		}
		if err != nil { // the other rules may still make events
			list = []Outcome{{Place: x.name, Err: err}}
		}
		if all = append(all, list...); len(all) > events.MaxBatch {
			return nil, &Error{Key: "each", Problem: fmt.Sprintf("the delivery makes more than %d events: let the sender send smaller deliveries", events.MaxBatch)}
		}
	}
	return rejectRepeatedIDs(all), nil
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
func checked(ours string, from origin, data map[string]any) (events.Event, error) {
	e, err := events.New(ours, from.source, from.id, from.time, data)
	if err != nil {
		return events.Event{}, &Error{Key: "data", Problem: "the payload gives no valid event"}
	}
	_, _, err = events.ToNATS(e)
	if invalid, ok := errors.AsType[*events.InvalidError](err); ok {
		key, _, _ := strings.Cut(strings.TrimPrefix(invalid.Pointer, "/"), "/")
		if key == "" {
			key = "body"
		}
		return events.Event{}, &Error{Key: key, Problem: invalid.Rule + ": " + invalid.Detail}
	}
	return e, nil
}
