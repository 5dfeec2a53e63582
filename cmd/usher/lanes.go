package main

import (
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/vendors"
)

// allLanes are the lanes of all vendors that are on.
func (e *engine) allLanes(ports map[string]any) (lanes []bus.LaneConfig) {
	list := handlerList(handlers.Courses(e.config.Courses), nil)
	for _, v := range e.on() {
		lanes = append(lanes, e.lanes(v.name, ports[v.name], list)...)
	}
	return lanes
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

// ceiling is how long a message may be held: as long as all that was fetched
// before it can take, each at its worst.
func ceiling(prefetch, atWork int, worst time.Duration) time.Duration {
	turns := (prefetch + atWork - 1) / atWork
	return time.Duration(turns+1) * worst
}

// lanes are the durable consumers of a vendor. Only that of activity hands out messages; the
// others show to monitoring and autoscalers how much waits (streams.Lag).
func (e *engine) lanes(vendor string, port any, list []handlers.Handler) []bus.LaneConfig {
	var lifecycle, activity []string
	for _, h := range list {
		switch {
		case !h.Takes(port):
		case h.Scope == events.ScopeActivity:
			activity = append(activity, h.Type)
		default:
			lifecycle = append(lifecycle, h.Type)
		}
	}
	stream := layout(e.config.NATS).Events
	lanes := []bus.LaneConfig{
		{Name: ops.LaneName(vendor, ops.LifecycleLane), Stream: stream, Subjects: lifecycle, Lag: true},
		{Name: ops.LaneName(vendor, ops.ReplayLane), Stream: bus.ReplaysStream, Subjects: []string{"usher.replay." + vendor + ".>"}, Lag: true},
	}
	if len(activity) > 0 {
		lanes = append(lanes, bus.LaneConfig{
			Name: ops.LaneName(vendor, ops.ActivityLane), Stream: stream, Subjects: activity,
			AckWait: e.config.Worker.AckWait, MaxAckPending: e.config.Worker.MaxAckPending,
		})
	}
	return lanes
}
