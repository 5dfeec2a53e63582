package ops

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/schemas"
)

// Deliveries replaces the name of the vendor in the dead letter of a delivery that could not
// become an event. The type of the dead letter is the name of the sender.
const Deliveries = "webhooks"

// ErrAtFault is returned for a delivery that still cannot become an event.
var ErrAtFault = errors.New("it still cannot become an event")

// Mapping returns the mapping of the payloads of a sender to events.
func Mapping(sender string, c config.Webhook) (*mapping.Mapping, error) {
	var rules mapping.Rules
	if err := c.Event.Decode(&rules); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return mapping.New(sender, rules...)
}

// webhookMapper maps stored deliveries to events. The mapping of a sender is compiled once.
type webhookMapper struct {
	config config.Config

	mu    sync.Mutex
	valid *schemas.Set
	by    map[string]*mapping.Mapping // by sender
}

// prepare returns the mapping of a sender, and the schemas.
func (w *webhookMapper) prepare(sender string) (m *mapping.Mapping, valid *schemas.Set, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m := w.by[sender]; m != nil {
		return m, w.valid, nil
	}
	c, ok := w.config.Webhooks[sender]
	if !ok {
		return nil, nil, fmt.Errorf("%w: there is no sender webhooks.%s in the configuration", ErrAtFault, sender)
	}
	if w.valid == nil {
		if w.valid, err = schemas.New(); err != nil {
			return nil, nil, err
		}
		w.by = map[string]*mapping.Mapping{}
	}
	if m, err = Mapping(sender, c); err != nil {
		return nil, nil, fmt.Errorf("webhooks.%s: %w", sender, err)
	}
	w.by[sender] = m
	return m, w.valid, nil
}

// outcomes maps a delivery, and validates the events. Events that were stored with the delivery
// are left out. The list is empty for a delivery that the mapping ignores.
func (w *webhookMapper) outcomes(d streams.DeadLetter) ([]mapping.Outcome, error) {
	if d.Omitted > 0 {
		return nil, fmt.Errorf("%w: its body of %d bytes was too large to be kept: correct the mapping, let the sender deliver again, and drop the dead letter", ErrAtFault, d.Omitted)
	}
	m, valid, err := w.prepare(d.Type)
	if err != nil {
		return nil, err
	}
	all, err := m.Map(d.EventID, d.Header, d.Payload)
	if err != nil {
		return nil, fmt.Errorf("%w: webhooks.%s.event: %w", ErrAtFault, d.Type, err)
	}
	var list []mapping.Outcome
	for _, o := range all {
		if len(d.Places) > 0 && !mapping.Covers(d.Places, o.Place) {
			continue
		}
		if o.Err == nil {
			o.Err = valid.Validate(o.Event)
		}
		list = append(list, o)
	}
	for _, place := range d.Places {
		if place != "" && !slices.ContainsFunc(list, func(o mapping.Outcome) bool { return mapping.Covers([]string{place}, o.Place) }) {
			return list, fmt.Errorf("%w: webhooks.%s.event: the mapping no longer makes the event %s of the delivery: change each and name back, or drop the dead letter", ErrAtFault, d.Type, place)
		}
	}
	return list, nil
}

// events returns the events of a delivery, or the first fault.
func (w *webhookMapper) events(d streams.DeadLetter) (list []events.Event, err error) {
	outcomes, err := w.outcomes(d)
	for _, o := range outcomes {
		if err == nil && o.Err != nil {
			err = fmt.Errorf("%w: webhooks.%s.event: %s%w", ErrAtFault, d.Type, AtPlace(o.Place), o.Err)
		}
		list = append(list, o.Event)
	}
	if err != nil {
		return nil, err
	}
	return list, nil
}

// AtPlace returns the place of an event in a delivery, to be put before a problem.
func AtPlace(place string) string {
	if place == "" {
		return ""
	}
	return "event " + place + " of the delivery: "
}

// preview returns the outcome of a replay of a delivery, without the replay.
func (w *webhookMapper) preview(d streams.DeadLetter) mailbox.Preview {
	list, err := w.events(d)
	invalid, refused := errors.AsType[*events.InvalidError](err)
	switch {
	case err == nil && len(list) == 0:
		return mailbox.Preview{Would: previewIgnored}
	case err == nil:
		return mailbox.Preview{Would: previewEvent}
	case refused:
		return mailbox.Preview{Would: mailbox.PreviewRefused, Pointer: invalid.Pointer, Rule: invalid.Rule, Message: invalid.Detail}
	default:
		return mailbox.Preview{Would: mailbox.PreviewRefused, Rule: "mapping", Message: err.Error()}
	}
}
