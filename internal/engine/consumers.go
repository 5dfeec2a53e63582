package engine

import (
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// Wanted returns the streams and consumers that are there once all vendors that are on are
// served, besides those of the bus.
func (e *Engine) Wanted(ports map[string]vendors.Adapter) bus.Wanted {
	w := bus.Wanted{Streams: streams.Configs(streams.Names{}, e.Config.NATS.Replicas)}
	list := e.Catalog.Handlers(handlers.Courses(e.Config.Courses), nil)
	for _, v := range e.on() {
		w.Consumers = append(w.Consumers, e.consumers(v.Name, ports[v.Name], list)...)
	}
	return w
}

// atWork is how many effects may be at work at a time: no more than the rate
// lets come to their end within the call lease. Further ones would only use up
// each other's turns, and begin again.
func atWork(s vendors.Settings, lease time.Duration) int {
	const calls = 4 // that an effect may take: a look-up and a change, and either again
	if s.Rate <= 0 {
		return s.Concurrency
	}
	return max(1, min(s.Concurrency, int(s.Rate*lease.Seconds()/calls)))
}

// consumers returns the durable consumers of a vendor (docs/design.md, rule 4.3).
func (e *Engine) consumers(vendor string, port vendors.Adapter, list []handlers.Handler) (all []bus.ConsumerConfig) {
	lifecycle, activity := subjects(port, list)
	for _, c := range e.counters(vendor, lifecycle) {
		all = append(all, bus.ConsumerConfig{Stream: c.Stream, ConsumerConfig: c.Settings()})
	}
	if len(activity) > 0 {
		c := streams.SharedConfig{
			Stream: Layout(e.Config.NATS).Events, Consumer: ops.ConsumerName(vendor, ops.Activity), Subjects: activity,
			AckWait: e.Config.Worker.AckWait, MaxAckPending: e.Config.Worker.MaxAckPending,
		}
		all = append(all, bus.ConsumerConfig{Stream: c.Stream, ConsumerConfig: c.Settings()})
	}
	return all
}

// counters returns the consumers of a vendor that nobody pulls from. They count events that
// are not taken up, replays that have not ended, and users that wait.
func (e *Engine) counters(vendor string, lifecycle []string) []streams.CounterConfig {
	return []streams.CounterConfig{
		{Stream: Layout(e.Config.NATS).Events, Consumer: ops.ConsumerName(vendor, ops.Lifecycle), Subjects: lifecycle},
		{Stream: bus.ReplaysStream, Consumer: ops.ConsumerName(vendor, ops.Replay), Subjects: []string{"usher.replay." + vendor + ".>"}},
		streams.Names{}.WaitingCounter(vendor, ops.ConsumerName(vendor, ops.Waiting)),
	}
}

// subjects returns the types of the events that a vendor takes.
func subjects(port vendors.Adapter, list []handlers.Handler) (lifecycle, activity []string) {
	for _, h := range list {
		switch {
		case !h.Supports(port):
		case h.Scope == events.ScopeActivity:
			activity = append(activity, h.Type)
		default:
			lifecycle = append(lifecycle, h.Type)
		}
	}
	return lifecycle, activity
}
