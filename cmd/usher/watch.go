package main

import (
	"context"
	"errors"
	"time"

	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/telemetry"
)

// watch measures the work of all vendors, whoever serves them: nobody else would tell of a
// vendor whose own process does not run.
func (e *engine) watch(ctx context.Context) {
	desk := newDesk(e.streams, e.config)
	ticker := time.NewTicker(e.config.Worker.AckWait / 3)
	defer ticker.Stop()
	for {
		pauses, err := e.streams.Control.Pauses(ctx)
		for _, v := range vendorList(&e.config) {
			e.measure(ctx, desk, v.name)
			if _, paused := pauses[v.name]; err == nil {
				e.metrics.Paused(v.name, paused)
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
func (e *engine) measure(ctx context.Context, desk *ops.Desk, vendor string) {
	load, err := desk.Load(ctx, vendor)
	if err != nil && !errors.Is(err, ops.ErrNoConsumers) {
		return
	}
	for _, c := range ops.Consumers(vendor, layout(e.config.NATS).Events) {
		s, there := load.Consumers[c.Kind]
		switch {
		case c.Kind == ops.Waiting: // counted with the wakes
		case there:
			e.metrics.Consumer(vendor, c.Kind, consumerMetrics(s))
		default:
			e.metrics.NoConsumer(vendor, c.Kind)
		}
	}
	if err == nil {
		e.metrics.Waiting(vendor, load.Waiting)
	}
}

func consumerMetrics(s streams.ConsumerState) telemetry.Consumer {
	return telemetry.Consumer{Pending: s.Pending, Unfinished: s.Unfinished, Redelivered: s.Redelivered, Oldest: s.Oldest}
}

// countTime is how often the dead letters are counted.
const countTime = 30 * time.Second

// count counts the dead letters every so often, and saves the high-water mark of the events.
func (e *engine) count(ctx context.Context) {
	ticker := time.NewTicker(countTime)
	defer ticker.Stop()
	for {
		limit, cancel := context.WithTimeout(ctx, countTime)
		if err := e.admin().SaveHighWater(limit); err != nil && ctx.Err() == nil {
			e.log.Warn().Err(err).Msg("the high-water mark of the events was not saved")
		}
		if counts, err := e.streams.DeadLetters.Counts(limit); err == nil {
			var list []telemetry.DeadCount
			for _, c := range counts {
				list = append(list, telemetry.DeadCount(c))
			}
			e.metrics.Dead(list)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
