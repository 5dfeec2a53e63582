package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrNoConsumer is returned where a durable consumer is not there: nobody has
// served it yet.
var ErrNoConsumer = errors.New("no such consumer")

// Pause keeps a durable consumer from delivering to anybody until then. What was
// delivered before goes on. The server keeps a pause through restarts.
func (b *Bus) Pause(ctx context.Context, stream, consumer string, until time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	said, err := b.js.PauseConsumer(ctx, stream, consumer, until)
	if err == nil && !said.Paused {
		err = errors.New("the server did not pause it: nats-server 2.11 or newer is needed")
	}
	return noConsumer("pause", consumer, err)
}

// Resume ends a pause. A consumer that is not paused stays as it is.
func (b *Bus) Resume(ctx context.Context, stream, consumer string) error {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	_, err := b.js.ResumeConsumer(ctx, stream, consumer)
	return noConsumer("resume", consumer, err)
}

func noConsumer(what, consumer string, err error) error {
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		return fmt.Errorf("%s %s: %w", what, consumer, ErrNoConsumer)
	case err != nil:
		return fmt.Errorf("%s %s: %w", what, consumer, err)
	default:
		return nil
	}
}
