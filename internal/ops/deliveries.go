package ops

import (
	"errors"
	"fmt"
	"sync"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/schemas"
)

// Deliveries replaces the name of the vendor in the dead letter of a delivery that could not
// become an event. The type of the dead letter is the name of the sender.
const Deliveries = "webhooks"

// ErrAtFault is returned for a delivery that still cannot become an event.
var ErrAtFault = errors.New("it still cannot become an event")

// Mapping returns the mapping of the payloads of a sender to events.
func Mapping(sender string, c config.Webhook) (*mapping.Mapping, error) {
	var m mapping.Config
	if err := c.Event.Decode(&m); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return mapping.New(sender, m)
}

// remaker maps stored deliveries to events. The mapping of a sender is compiled once.
type remaker struct {
	config config.Config

	mu    sync.Mutex
	valid *schemas.Set
	by    map[string]*mapping.Mapping // by sender
}

// prepare returns the mapping of a sender, and the schemas.
func (r *remaker) prepare(sender string) (m *mapping.Mapping, valid *schemas.Set, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.by[sender]; m != nil {
		return m, r.valid, nil
	}
	c, ok := r.config.Webhooks[sender]
	if !ok {
		return nil, nil, fmt.Errorf("%w: there is no sender webhooks.%s in the configuration", ErrAtFault, sender)
	}
	if r.valid == nil {
		if r.valid, err = schemas.New(); err != nil {
			return nil, nil, err
		}
		r.by = map[string]*mapping.Mapping{}
	}
	if m, err = Mapping(sender, c); err != nil {
		return nil, nil, fmt.Errorf("webhooks.%s: %w", sender, err)
	}
	r.by[sender] = m
	return m, r.valid, nil
}

// event returns the event of a delivery.
func (r *remaker) event(d bus.DeadLetter) (events.Event, error) {
	m, valid, err := r.prepare(d.Type)
	if err != nil {
		return events.Event{}, err
	}
	e, err := m.Map(d.EventID, d.Header, d.Payload)
	if errors.Is(err, mapping.ErrIgnored) {
		return e, err
	}
	if err == nil {
		err = valid.Validate(e)
	}
	if err != nil {
		return e, fmt.Errorf("%w: webhooks.%s.event: %w", ErrAtFault, d.Type, err)
	}
	return e, nil
}

// preview returns the outcome that a replay of a delivery would have.
func (r *remaker) preview(d bus.DeadLetter) mailbox.Preview {
	_, err := r.event(d)
	var invalid *events.InvalidError
	switch {
	case err == nil:
		return mailbox.Preview{Would: previewEvent}
	case errors.Is(err, mapping.ErrIgnored):
		return mailbox.Preview{Would: previewIgnored}
	case errors.As(err, &invalid):
		return mailbox.Preview{Would: mailbox.PreviewRefused, Pointer: invalid.Pointer, Rule: invalid.Rule, Message: invalid.Detail}
	default:
		return mailbox.Preview{Would: mailbox.PreviewRefused, Rule: "mapping", Message: err.Error()}
	}
}
