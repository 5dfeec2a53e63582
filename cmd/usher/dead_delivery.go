package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/internal/worker"
	"github.com/usherhq/usher/schemas"
)

// deliveries is what stands in place of a vendor's name in the dead letter of a
// delivery that could not become an event; its type is the sender's name.
const deliveries = "webhooks"

// wouldBecome is what is said of a delivery that would become an event now, and
// wouldIgnore of one that would be let go.
const (
	wouldBecome worker.Would = "event"
	wouldIgnore worker.Would = "ignored"
)

// errAtFault is returned for a delivery that still cannot become an event.
var errAtFault = errors.New("it still cannot become an event")

// becomes makes an event of a delivery, by the mapping as it is configured now.
func (g graves) becomes(d bus.DeadLetter) (events.Event, error) {
	c, ok := g.config.Webhooks[d.Type]
	if !ok {
		return events.Event{}, fmt.Errorf("%w: there is no sender webhooks.%s in the configuration", errAtFault, d.Type)
	}
	m, err := mapper(d.Type, c)
	if err != nil {
		return events.Event{}, fmt.Errorf("webhooks.%s: %w", d.Type, err)
	}
	e, err := m.Map(d.EventID, d.Header, d.Payload)
	if errors.Is(err, mapping.ErrIgnored) {
		return e, err
	}
	if err == nil {
		var valid *schemas.Set
		if valid, err = schemas.New(); err != nil {
			return e, err
		}
		err = valid.Validate(e)
	}
	if err != nil {
		return e, fmt.Errorf("%w: webhooks.%s.event: %w", errAtFault, d.Type, err)
	}
	return e, nil
}

// resend sends a dead letter on its way again: to its vendor, or, where it is a
// delivery, as the event that it becomes now to all of them.
func (g graves) resend(ctx context.Context, d bus.DeadLetter) error {
	if d.Vendor != deliveries {
		return g.Replay(ctx, d)
	}
	e, err := g.becomes(d)
	switch {
	case errors.Is(err, mapping.ErrIgnored): // it is nothing to us any more
	case err != nil:
		return err
	default:
		if err := g.Store(ctx, []events.Event{e}); err != nil {
			return err
		}
	}
	return g.Drop(ctx, d)
}

// foreseeDelivery says what would become of a delivery.
func (g graves) foreseeDelivery(d bus.DeadLetter) worker.Foresight {
	_, err := g.becomes(d)
	var invalid *events.InvalidError
	switch {
	case err == nil:
		return worker.Foresight{Would: wouldBecome}
	case errors.Is(err, mapping.ErrIgnored):
		return worker.Foresight{Would: wouldIgnore}
	case errors.As(err, &invalid):
		return worker.Foresight{Would: worker.WouldRefuse, Pointer: invalid.Pointer, Rule: invalid.Rule, Message: invalid.Detail}
	default:
		return worker.Foresight{Would: worker.WouldRefuse, Rule: "mapping", Message: err.Error()}
	}
}
