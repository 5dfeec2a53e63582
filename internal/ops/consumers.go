package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/usherhq/usher/internal/streams"
)

// The durable consumers of a vendor (docs/design.md, rule 4.3). Only activity is pulled from;
// the others count.
const (
	Lifecycle = "lifecycle" // events of users and enrollments behind the committed position
	Activity  = "activity"  // activity events that have not ended
	Replay    = "replay"    // replays that have not ended
	Waiting   = "waiting"   // timers
)

// ConsumerName returns the name of a durable consumer of a vendor.
func ConsumerName(vendor, kind string) string { return "usher-" + vendor + "-" + kind }

// ErrNoConsumers is returned for a vendor that no process has served yet.
var ErrNoConsumers = errors.New("has no consumers on this NATS: usher serve makes them, once the vendor is on")

// Consumer is a durable consumer of a vendor.
type Consumer struct {
	Kind, Stream, Name string
}

// Consumers returns all possible consumers of a vendor; events is the stream of events. Some
// vendors have only some of the consumers.
func Consumers(vendor, events string, n streams.Names) []Consumer {
	return []Consumer{
		{Lifecycle, events, n.Consumer(ConsumerName(vendor, Lifecycle))},
		{Activity, events, n.Consumer(ConsumerName(vendor, Activity))},
		{Replay, n.Stream(streams.ReplaysStream), n.Consumer(ConsumerName(vendor, Replay))},
		{Waiting, n.WaitingCounter(vendor, "").Stream, n.Consumer(ConsumerName(vendor, Waiting))},
	}
}

// eventsStream returns the name of the stream of events at the server.
func (s *Service) eventsStream() string {
	return cmp.Or(s.Config.NATS.EventsStream, s.Streams.Client.Names.Events())
}

// consumer is a durable consumer with its state at the server.
type consumer struct {
	Consumer
	at streams.ConsumerState
}

// consumers returns the existing consumers of a vendor, or ErrNoConsumers.
func (s *Service) consumers(ctx context.Context, vendor string) ([]consumer, error) {
	var found []consumer
	for _, c := range Consumers(vendor, s.eventsStream(), s.Streams.Client.Names) {
		at, err := streams.ReadConsumerState(ctx, s.Streams.Client, c.Stream, c.Name)
		switch {
		case err == nil:
			found = append(found, consumer{c, at})
		case !errors.Is(err, streams.ErrNoConsumer):
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s %w", vendor, ErrNoConsumers)
	}
	return found, nil
}
