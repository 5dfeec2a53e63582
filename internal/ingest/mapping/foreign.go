package mapping

import (
	"errors"
	"slices"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/usherhq/usher/events"
)

// ForeignConfig maps CloudEvents of other systems to events of ours.
type ForeignConfig struct {
	Types   []string // CloudEvents types to map; none of ours
	Sources []string // CloudEvents sources to map; none: any
	Rules   Rules    // over event, the attributes, and body, the data
}

// Foreign maps the CloudEvents of one other system. A Foreign is safe for concurrent use.
type Foreign struct {
	config  ForeignConfig
	mapping *Mapping
}

// NewForeign compiles a ForeignConfig. Type defaults to the CloudEvents type, ID and Time to id and
// time of the CloudEvent. The events have the source of the CloudEvent.
func NewForeign(name string, c ForeignConfig) (*Foreign, error) {
	if len(c.Types) == 0 {
		return nil, &Error{Key: "types", Problem: "is missing: list the CloudEvents types to map"}
	}
	for _, one := range c.Types {
		if slices.Contains(events.Types(), one) {
			return nil, &Error{Key: "types", Problem: "has " + one + ", which is a type of ours: no mapping is needed"}
		}
	}
	rules := slices.Clone(c.Rules)
	for i := range rules {
		if rules[i].Type == "" {
			rules[i].Type = "event.type"
		}
	}
	m, err := build(name, newForeignEnv, rules)
	return &Foreign{c, m}, err
}

// takes reports whether a CloudEvent is mapped here.
func (f *Foreign) takes(e events.Event) bool {
	return slices.Contains(f.config.Types, e.Type()) && (len(f.config.Sources) == 0 || slices.Contains(f.config.Sources, e.Source()))
}

// Translate returns the events of a CloudEvent by the first mapping that takes the CloudEvent.
// Reports false if there is none. left is the cost for the evaluation, such as MaxCost. An error is
// an *Error about the whole CloudEvent.
func Translate(list []*Foreign, e events.Event, left *uint64) (outcomes []Outcome, taken bool, err error) {
	i := slices.IndexFunc(list, func(f *Foreign) bool { return f.takes(e) })
	if i < 0 {
		return nil, false, nil
	}
	outcomes, err = list[i].translate(e, left)
	return outcomes, true, err
}

// TranslateOne returns the event of a CloudEvent that must become one event. A CloudEvent without a
// mapping is returned unchanged. An error is an *events.InvalidError.
func TranslateOne(list []*Foreign, e events.Event) (events.Event, error) {
	left := uint64(MaxCost)
	outcomes, taken, err := Translate(list, e, &left)
	switch {
	case !taken:
		return e, nil
	case err == nil && len(outcomes) != 1:
		err = errors.New("the mapping makes no event, or several: a message on NATS becomes one event; post the CloudEvent to /events")
	case err == nil:
		err = outcomes[0].Err
	}
	if err != nil {
		return e, &events.InvalidError{Pointer: "/data", Rule: RuleMapping, Detail: err.Error()}
	}
	return outcomes[0].Event, nil
}

// RuleMapping is the rule of an event that the mapping cannot make.
const RuleMapping = "mapping"

// translate maps one CloudEvent.
func (f *Foreign) translate(e events.Event, left *uint64) ([]Outcome, error) {
	var payload any
	if len(e.Data()) > 0 {
		var err error
		if payload, err = parse(e.Data()); err != nil {
			return nil, err
		}
	}
	in := vars{map[string]any{"event": attributes(e), "body": payload}, left}
	list, err := f.mapping.outcomes(origin{source: e.Source(), id: e.ID(), time: e.Time()}, in)
	for i := range list {
		if list[i].Err == nil {
			carry(e, &list[i].Event)
		}
	}
	return list, err
}

// carried are the extensions that an event keeps.
var carried = []string{"traceparent", "tracestate", "expirytime"}

// carry copies the trace and the expiry of a CloudEvent.
func carry(from events.Event, to *events.Event) {
	for _, name := range carried {
		if value := from.Extensions()[name]; value != nil {
			to.SetExtension(name, value)
		}
	}
}

// attributes returns the attributes of a CloudEvent as texts.
func attributes(e events.Event) map[string]string {
	all := map[string]string{"id": e.ID(), "source": e.Source(), "type": e.Type(), "specversion": e.SpecVersion()}
	for name, value := range map[string]string{"subject": e.Subject(), "datacontenttype": e.DataContentType(), "dataschema": e.DataSchema()} {
		if value != "" {
			all[name] = value
		}
	}
	if !e.Time().IsZero() {
		all["time"] = e.Context.(*event.EventContextV1).Time.String()
	}
	for name := range e.Extensions() {
		if text := events.Extension(e, name); text != "" {
			all[name] = text
		}
	}
	return all
}
