package ops

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/schemas"
)

// Send creates an event of a type with the data, checks it against the schema, and stores it for
// all vendors. The action is recorded in the audit log first. Returns an *events.InvalidError for
// a fault of the data.
func (d *Desk) Send(ctx context.Context, kind string, data any, by Deed) (events.Event, error) {
	valid, err := schemas.New()
	if err != nil {
		return events.Event{}, err
	}
	e, err := events.New(kind, d.Config.Source+"/console", rand.Text(), time.Now().UTC(), data)
	if err != nil {
		return e, err
	}
	if err := valid.Validate(e); err != nil {
		return e, err
	}
	act := by.action(bus.EventSent)
	act.Type, act.EventID = kind, e.ID()
	if err := d.Bus.Audit(ctx, d.Config.Source, act); err != nil {
		return e, err
	}
	return e, d.Bus.Store(ctx, []events.Event{e})
}
