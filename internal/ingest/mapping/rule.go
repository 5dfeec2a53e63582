package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/usherhq/usher/events"
)

// Outcome is an event of a delivery, or the reason why there is none.
type Outcome struct {
	// Place is the name of the rule and the position in the list, such as enrol.2, and equal for
	// every attempt of the delivery. Empty for the only event of a rule without a name. The name
	// alone stands for the whole list of a rule, if the list cannot be read.
	Place string
	Event events.Event
	Err   error // an *Error
}

// Covers reports whether one of places is the place, or the rule of the place.
func Covers(places []string, place string) bool {
	return slices.ContainsFunc(places, func(one string) bool {
		position, ok := strings.CutPrefix(place, one)
		return ok && (position == "" || strings.HasPrefix(position, ".") || one == "" && isPosition(place))
	})
}

// isPosition reports whether a place is the position in the list of a rule without a name.
func isPosition(place string) bool {
	_, err := strconv.Atoi(place)
	return err == nil
}

// errNotOurs is returned for a type that is not in Config.Types.
var errNotOurs = errors.New("the type is not mapped")

// apply returns the outcomes of one rule. Elements of other types are left out.
func (x *rule) apply(from origin, in vars) ([]Outcome, error) {
	if x.each == nil {
		return appended(nil, x.name)(x.event(from, x.name, in)), nil
	}
	items, err := x.items(in)
	if err != nil {
		return nil, err
	}
	var list []Outcome
	for i, item := range items {
		place := strings.TrimPrefix(x.name+"."+strconv.Itoa(i), ".")
		suffix := place
		if x.named {
			suffix = x.name
		}
		list = appended(list, place)(x.event(from, suffix, in.at(i, item)))
	}
	return list, nil
}

// appended returns a function that appends the outcome of an event, unless the type is not
// mapped.
func appended(list []Outcome, place string) func(events.Event, error) []Outcome {
	return func(e events.Event, err error) []Outcome {
		if errors.Is(err, errNotOurs) {
			return list
		}
		return append(list, Outcome{Place: place, Event: e, Err: err})
	}
}

// items returns the elements of the list of a rule; none for null.
func (x *rule) items(in vars) ([]any, error) {
	value, err := x.each.eval(in)
	if err != nil || value == nil {
		return nil, err
	}
	items, ok := value.([]any)
	if !ok {
		return nil, x.each.fault(misfit(value, listForm))
	}
	if len(items) > events.MaxBatch {
		return nil, x.each.fault(fmt.Errorf("yields more than %d elements: let the sender send smaller deliveries", events.MaxBatch))
	}
	return items, nil
}

// event returns the event of one element, or of the whole payload. suffix belongs to the id.
func (x *rule) event(from origin, suffix string, in vars) (events.Event, error) {
	theirs, err := x.kind.text(in)
	if err != nil {
		return events.Event{}, err
	}
	t, ok := x.types[theirs]
	if !ok {
		return events.Event{}, errNotOurs
	}
	if from.id, err = x.identify(from.id, in); err != nil {
		return events.Event{}, err
	}
	if suffix != "" {
		from.id += "." + suffix
	}
	if x.time != nil {
		if from.time, err = x.time.time(in); err != nil {
			return events.Event{}, err
		}
	}
	data, err := t.data(in)
	if err != nil {
		return events.Event{}, err
	}
	return checked(t.ours, from, data)
}

// identify returns the id of the delivery or of the element. given is the default.
func (x *rule) identify(given string, in vars) (string, error) {
	if x.id != nil {
		return x.id.text(in)
	}
	if given == "" {
		return "", &Error{Key: "id", Problem: "the delivery has no id of its own: set id to what names it in the payload, such as body.id"}
	}
	return given, nil
}

// rejectRepeatedIDs removes events that repeat an earlier event of the delivery, and gives an
// error to other events with the id of an earlier one.
func rejectRepeatedIDs(list []Outcome) []Outcome {
	first := map[string]events.Content{}
	kept := list[:0]
	for _, o := range list {
		if o.Err != nil {
			kept = append(kept, o)
			continue
		}
		content := events.ContentOf(o.Event)
		earlier, repeated := first[o.Event.ID()]
		if repeated && earlier == content {
			continue
		}
		if repeated {
			o = Outcome{Place: o.Place, Err: &Error{Key: "id", Problem: "two events of one delivery have this id: use a member that distinguishes them, or leave item out of id for their position"}}
		} else {
			first[o.Event.ID()] = content
		}
		kept = append(kept, o)
	}
	return kept
}
