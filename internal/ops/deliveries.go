package ops

import (
	"errors"
	"fmt"
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
	var m mapping.Config
	if err := c.Event.Decode(&m); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return mapping.New(sender, m)
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

// event maps a delivery to an event.
func (w *webhookMapper) event(d streams.DeadLetter) (events.Event, error) {
	m, valid, err := w.prepare(d.Type)
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

// preview returns the outcome of a replay of a delivery, without the replay.
func (w *webhookMapper) preview(d streams.DeadLetter) mailbox.Preview {
	_, err := w.event(d)
	invalid, refused := errors.AsType[*events.InvalidError](err)
	switch {
	case err == nil:
		return mailbox.Preview{Would: previewEvent}
	case errors.Is(err, mapping.ErrIgnored):
		return mailbox.Preview{Would: previewIgnored}
	case refused:
		return mailbox.Preview{Would: mailbox.PreviewRefused, Pointer: invalid.Pointer, Rule: invalid.Rule, Message: invalid.Detail}
	default:
		return mailbox.Preview{Would: mailbox.PreviewRefused, Rule: "mapping", Message: err.Error()}
	}
}
