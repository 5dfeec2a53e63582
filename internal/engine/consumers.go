package engine

import (
	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
	"github.com/usherhq/usher/vendors"
)

// Wanted returns the streams and consumers of all vendors that are on, without the streams of the
// layout.
func (e *Engine) Wanted(ports map[string]vendors.Adapter) admin.Wanted {
	w := admin.Wanted{Streams: e.layout().Workers().Streams()}
	list := e.Catalog.Handlers(handlers.Courses(e.Config.Courses), nil)
	for _, v := range e.on() {
		w.Consumers = append(w.Consumers, e.consumers(v.Name, ports[v.Name], list)...)
	}
	if len(w.Consumers) > 0 {
		w.Consumers = append(w.Consumers, e.emailConsumer())
	}
	return w
}

// consumers returns the durable consumers of a vendor (docs/design.md, rule 4.3).
func (e *Engine) consumers(vendor string, port vendors.Adapter, list []handlers.Handler) (all []admin.ConsumerConfig) {
	lifecycle, activity := subjects(port, list)
	n := Names(e.Config.NATS)
	for _, c := range e.counters(vendor, lifecycle) {
		all = append(all, admin.ConsumerConfig{Stream: c.Stream, ConsumerConfig: c.Settings()})
	}
	if len(activity) > 0 {
		c := streams.SharedConfig{
			Stream: eventsStream(e.Config.NATS), Consumer: n.Consumer(ops.ConsumerName(vendor, ops.Activity)), Subjects: n.Filters(activity),
			AckWait: e.Config.Worker.AckWait, MaxAckPending: e.Config.Worker.MaxAckPending,
		}
		all = append(all, admin.ConsumerConfig{Stream: c.Stream, ConsumerConfig: c.Settings()})
	}
	return all
}

// counters returns the consumers of a vendor without a process that pulls. The consumers count
// events before their registration, replays in flight, and waiting users.
func (e *Engine) counters(vendor string, lifecycle []string) []streams.CounterConfig {
	n := Names(e.Config.NATS)
	return []streams.CounterConfig{
		{Stream: eventsStream(e.Config.NATS), Consumer: n.Consumer(ops.ConsumerName(vendor, ops.Lifecycle)), Subjects: n.Filters(lifecycle)},
		{Stream: n.Stream(streams.ReplaysStream), Consumer: n.Consumer(ops.ConsumerName(vendor, ops.Replay)), Subjects: n.Filters([]string{"usher.replay." + vendor + ".>"})},
		e.waitingCounter(vendor),
	}
}

// waitingCounter returns the consumer that counts the timers of a vendor.
func (e *Engine) waitingCounter(vendor string) streams.CounterConfig {
	n := Names(e.Config.NATS)
	return n.WaitingCounter(vendor, n.Consumer(ops.ConsumerName(vendor, ops.Waiting)))
}

// subjects returns the types of the events handled by the adapter of a vendor.
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
