package engine

import (
	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// Wanted returns the streams and consumers of all vendors that are on, without the streams of the
// bus.
func (e *Engine) Wanted(ports map[string]any) bus.Wanted {
	w := bus.Wanted{Streams: streams.Configs(streams.Names{}, e.Config.NATS.Replicas)}
	list := e.Catalog.Handlers(handlers.Courses(e.Config.Courses), nil)
	for _, v := range e.on() {
		w.Consumers = append(w.Consumers, e.consumers(v.Name, ports[v.Name], list)...)
	}
	return w
}

// consumers returns the durable consumers of a vendor (docs/design.md, rule 4.3).
func (e *Engine) consumers(vendor string, port any, list []handlers.Handler) (all []bus.ConsumerConfig) {
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

// counters returns the consumers of a vendor without a process that pulls. The consumers count
// events before their registration, replays in flight, and waiting users.
func (e *Engine) counters(vendor string, lifecycle []string) []streams.CounterConfig {
	return []streams.CounterConfig{
		{Stream: Layout(e.Config.NATS).Events, Consumer: ops.ConsumerName(vendor, ops.Lifecycle), Subjects: lifecycle},
		{Stream: bus.ReplaysStream, Consumer: ops.ConsumerName(vendor, ops.Replay), Subjects: []string{"usher.replay." + vendor + ".>"}},
		waitingCounter(vendor),
	}
}

// waitingCounter returns the consumer that counts the timers of a vendor.
func waitingCounter(vendor string) streams.CounterConfig {
	return streams.Names{}.WaitingCounter(vendor, ops.ConsumerName(vendor, ops.Waiting))
}

// subjects returns the types of the events handled by the adapter of a vendor.
func subjects(port any, list []handlers.Handler) (lifecycle, activity []string) {
	for _, h := range list {
		switch {
		case !h.Takes(port):
		case h.Scope == events.ScopeActivity:
			activity = append(activity, h.Type)
		default:
			lifecycle = append(lifecycle, h.Type)
		}
	}
	return lifecycle, activity
}
