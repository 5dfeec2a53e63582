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
	e, err := s.newEvent(kind, data)
	if err != nil {
		return e, err
	}
	act := by.action(streams.EventSent)
	act.Type, act.EventID = kind, e.ID()
	if err := s.Streams.Audit.Record(ctx, s.Config.Source, act); err != nil {
		return e, err
	}
	return e, s.Streams.Events.Store(ctx, []events.Event{e})
}

// PreviewSend predicts the consequences of Send; see PreviewEvents. Returns an *events.InvalidError for
// a fault of the data.
func (s *Service) PreviewSend(ctx context.Context, kind string, data any) ([]EventPreview, error) {
	e, err := s.newEvent(kind, data)
	if err != nil {
		return nil, err
	}
	return s.PreviewEvents(ctx, []events.Event{e}, nil)
}

// newEvent returns a valid event with a new id.
func (s *Service) newEvent(kind string, data any) (events.Event, error) {
	valid, err := schemas.New()
	if err != nil {
		return events.Event{}, err
	}
	e, err := events.New(kind, s.Config.Source+"/console", rand.Text(), time.Now().UTC(), data)
	if err != nil {
		return e, err
	}
	return e, valid.Validate(e)
}
