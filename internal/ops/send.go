package ops

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/schemas"
)

// Send creates an event of a type with the data, checks it against the schema, and stores it for
// all vendors. The action is recorded in the audit log first. Returns an *events.InvalidError for
// a fault of the data.
func (s *Service) Send(ctx context.Context, kind string, data any, by Actor) (events.Event, error) {
	valid, err := schemas.New()
	if err != nil {
		return events.Event{}, err
	}
	e, err := events.New(kind, s.Config.Source+"/console", rand.Text(), time.Now().UTC(), data)
	if err != nil {
		return e, err
	}
	if err := valid.Validate(e); err != nil {
		return e, err
	}
	act := by.action(streams.EventSent)
	act.Type, act.EventID = kind, e.ID()
	if err := s.Streams.Audit.Record(ctx, s.Config.Source, act); err != nil {
		return e, err
	}
	return e, s.Streams.Events.Store(ctx, []events.Event{e})
}
