package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// ErrGone is returned for an event that is no longer in its stream.
var ErrGone = errors.New("the event is no longer kept")

// Event reads the event at a place of the stream of events.
func (b *Bus) Event(ctx context.Context, epoch int64, seq uint64) (events.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	stream, err := b.js.Stream(ctx, b.layout.Events)
	if err != nil {
		return events.Event{}, fmt.Errorf("stream %s: %w", b.layout.Events, err)
	}
	if stream.CachedInfo().Created.UnixNano() != epoch {
		return events.Event{}, ErrGone
	}
	m, err := stream.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return events.Event{}, ErrGone
	}
	if err != nil {
		return events.Event{}, fmt.Errorf("stream %s: %w", b.layout.Events, err)
	}
	return events.FromNATS(m.Header, m.Data)
}

// DeadLetterOf returns the dead letter of an effect, or ErrNoDeadLetter.
func (b *Bus) DeadLetterOf(ctx context.Context, vendor, kind, key string) (DeadLetter, error) {
	return b.last(ctx, deadSubject(vendor, kind, key))
}
