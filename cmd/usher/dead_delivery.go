package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/config"
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

// remaker makes events of deliveries. What it needs for a sender is compiled once.
type remaker struct {
	config config.Config
	valid  *schemas.Set
	by     map[string]*mapping.Mapping // by sender
}

// mapping returns the mapping of a sender, as it is configured now.
func (r *remaker) mapping(sender string) (m *mapping.Mapping, err error) {
	if m := r.by[sender]; m != nil {
		return m, nil
	}
	c, ok := r.config.Webhooks[sender]
	if !ok {
		return nil, fmt.Errorf("%w: there is no sender webhooks.%s in the configuration", errAtFault, sender)
	}
	if r.valid == nil {
		if r.valid, err = schemas.New(); err != nil {
			return nil, err
		}
		r.by = map[string]*mapping.Mapping{}
	}
	if m, err = mapper(sender, c); err != nil {
		return nil, fmt.Errorf("webhooks.%s: %w", sender, err)
	}
	r.by[sender] = m
	return m, nil
}

// event makes an event of a delivery.
func (r *remaker) event(d bus.DeadLetter) (events.Event, error) {
	m, err := r.mapping(d.Type)
	if err != nil {
		return events.Event{}, err
	}
	e, err := m.Map(d.EventID, d.Header, d.Payload)
	if errors.Is(err, mapping.ErrIgnored) {
		return e, err
	}
	if err == nil {
		err = r.valid.Validate(e)
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
	e, err := g.made.event(d)
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
	_, err := g.made.event(d)
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
