package core

import (
	"context"
	"time"

	"github.com/usherhq/usher/events"
)

// Start is the first event for a vendor that is new. The zero value is every stored event.
type Start struct {
	Now bool      // events stored from the first start on
	At  time.Time // events stored from this time on; the zero time: all
}

// begin passes over the events from before the start of a new vendor, and returns the position of
// the last one; zero if no event is passed over.
func (s *vendorStreams) begin(ctx context.Context) (events.Position, error) {
	start := s.config.Start
	if start == (Start{}) {
		return events.Position{}, nil
	}
	return s.state.Begin(ctx, func() (events.Position, error) {
		at := start.At
		if start.Now {
			at = time.Now().Add(time.Hour) // past every stored event, for any clock
		}
		return s.stream.LastBefore(ctx, at)
	})
}
