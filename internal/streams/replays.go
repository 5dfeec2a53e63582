package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// Replays is the stream of replays. A replay stays in the stream until Remove. The methods
// may be called concurrently.
type Replays struct {
	events *Events
}

// OpenReplays opens the stream of replays.
func OpenReplays(ctx context.Context, c Client, stream string) (*Replays, error) {
	e, err := OpenEvents(ctx, c, stream)
	if err != nil {
		return nil, err
	}
	return &Replays{events: e}, nil
}

// Read returns a reader of the replays after a position; after the zero Position, of all that
// are stored. The first Next makes the consumer.
func (r *Replays) Read(c ReaderConfig) (*EventReader, error) { return r.events.Read(c) }

// Get returns a stored replay, or ErrGone. The sequence is that of the stream of replays.
func (r *Replays) Get(ctx context.Context, seq uint64) (Message, error) {
	m, err := r.events.get(ctx, seq)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return Message{}, fmt.Errorf("replay %d: %w", seq, ErrGone)
	case err != nil:
		return Message{}, fmt.Errorf("replay %d: %w", seq, err)
	}
	epoch, _ := r.events.seen()
	return Message{Position: events.Position{Epoch: epoch, Seq: m.Sequence}, Subject: m.Subject, Header: m.Header, Data: m.Data, Stored: m.Time}, nil
}

// Remove removes a stored replay. A replay that is not stored is no error.
func (r *Replays) Remove(ctx context.Context, seq uint64) error {
	limited, cancel := r.events.client.call(ctx)
	defer cancel()
	err := r.events.stream.DeleteMsg(limited, seq)
	if errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) { // the server does not say why
		if _, gone := r.Get(ctx, seq); errors.Is(gone, ErrGone) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("remove replay %d: %w", seq, err)
	}
	return nil
}
