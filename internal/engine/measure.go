package engine

import (
	"context"
	"errors"
	"time"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/telemetry"
)

// watch measures the work of all vendors, whoever serves them: nobody else would tell of a
// vendor whose own process does not run.
func (e *Engine) watch(ctx context.Context) {
	desk := e.Catalog.Desk(e.Bus, e.Config)
	ticker := time.NewTicker(e.Config.Worker.AckWait / 3)
	defer ticker.Stop()
	for {
		pauses, err := e.Bus.Pauses(ctx)
		for _, v := range e.Catalog.With(&e.Config) {
			e.measure(ctx, desk, v.Name)
			if _, paused := pauses[v.Name]; err == nil {
				e.Metrics.Paused(v.Name, paused)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// measure measures the work of a vendor. While NATS is away the last values stay.
func (e *Engine) measure(ctx context.Context, desk *ops.Desk, vendor string) {
	load, err := desk.Load(ctx, vendor)
	if err != nil && !errors.Is(err, ops.ErrNoConsumers) {
		return
	}
	for _, c := range ops.Consumers(vendor, Layout(e.Config.NATS).Events) {
		s, there := load.Consumers[c.Kind]
		switch {
		case c.Kind == ops.Waiting: // counted with the wakes
		case there:
			e.Metrics.Consumer(vendor, c.Kind, consumerMetrics(s))
		default:
			e.Metrics.NoConsumer(vendor, c.Kind)
		}
	}
	if err == nil {
		e.Metrics.Waiting(vendor, load.Waiting)
	}
}

func consumerMetrics(s bus.ConsumerState) telemetry.Consumer {
	return telemetry.Consumer{Pending: s.Pending, Unfinished: s.Unfinished, Redelivered: s.Redelivered, Oldest: s.Oldest}
}

// countTime is how often the dead letters are counted.
const countTime = 30 * time.Second

// count counts the dead letters every so often, and remembers how far the events
// have come.
func (e *Engine) count(ctx context.Context) {
	ticker := time.NewTicker(countTime)
	defer ticker.Stop()
	for {
		limit, cancel := context.WithTimeout(ctx, countTime)
		if err := e.Bus.Remember(limit); err != nil && ctx.Err() == nil {
			e.Log.Warn().Err(err).Msg("not remembered")
		}
		if counts, err := e.Bus.DeadCounts(limit); err == nil {
			var list []telemetry.DeadCount
			for _, c := range counts {
				list = append(list, telemetry.DeadCount(c))
			}
			e.Metrics.Dead(list)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
