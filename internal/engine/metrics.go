package engine

import (
	"context"
	"errors"
	"time"

	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/pause"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/telemetry"
)

// observe counts an attempt.
func (e *Engine) observe(s mailbox.Observation) {
	if s.Outcome == "" {
		e.Metrics.Attempt(s.Vendor, s.Type, s.Class)
	} else {
		e.Metrics.Effect(s.Vendor, s.Type, s.Outcome, s.Key, s.Age)
	}
	if e.Observe != nil {
		e.Observe(s)
	}
}

// Reading the records of waiting users takes one part in readShare of the time, with at most longestRest
// between two readings.
const (
	readShare   = 20
	longestRest = time.Minute
)

// measureVendors measures the work of all vendors until ctx ends. A vendor without a process is
// measured too: no other process would report the vendor.
func (e *Engine) measureVendors(ctx context.Context) {
	service := e.Catalog.Service(e.Streams, e.Config)
	var next time.Time // of a reading of records
	for ctx.Err() == nil {
		orders, err := service.Orders(ctx)
		reads, spent := err == nil && !time.Now().Before(next), time.Duration(0)
		for _, v := range e.Catalog.With(&e.Config) {
			load, made := e.measureConsumers(ctx, service, v.Name)
			if err == nil {
				e.Metrics.Paused(v.Name, orders.Paused(v.Name))
			}
			if made && reads {
				began := time.Now()
				e.measureStatus(ctx, service, v.Name, load, orders)
				spent += time.Since(began)
			}
		}
		if reads {
			next = time.Now().Add(min(readShare*spent, longestRest))
		}
		pause.For(ctx, e.Config.Worker.AckWait/3)
	}
}

// measureConsumers measures the consumers of a vendor, and returns the work, if there are consumers. The
// last values stay while NATS is away.
func (e *Engine) measureConsumers(ctx context.Context, service *ops.Service, vendor string) (load ops.Load, made bool) {
	load, err := service.Load(ctx, vendor)
	if err != nil && !errors.Is(err, ops.ErrNoConsumers) {
		return load, false
	}
	for _, c := range ops.Consumers(vendor, eventsStream(e.Config.NATS), Names(e.Config.NATS)) {
		s, exists := load.Consumers[c.Kind]
		switch {
		case c.Kind == ops.Waiting: // part of load.Waiting
		case exists:
			e.Metrics.Consumer(vendor, c.Kind, consumerMetrics(s))
		default:
			e.Metrics.NoConsumer(vendor, c.Kind)
		}
	}
	return load, err == nil
}

// measureStatus measures what usher status says of a vendor.
func (e *Engine) measureStatus(ctx context.Context, service *ops.Service, vendor string, load ops.Load, orders ops.Orders) {
	at, err := service.StatusOf(ctx, vendor, load, orders)
	if err != nil {
		return
	}
	e.Metrics.Waiting(vendor, at.Waiting)
	e.Metrics.Failing(vendor, at.State == ops.Failing)
}

func consumerMetrics(s streams.ConsumerState) telemetry.Consumer {
	return telemetry.Consumer{Pending: s.Pending, Unfinished: s.Unfinished, Redelivered: s.Redelivered, Oldest: s.Oldest}
}

// countInterval is the time between two counts of the dead letters.
const countInterval = 30 * time.Second

// countDeadLetters counts the dead letters, measures the streams, and stores the high-water mark of the events,
// until ctx ends.
func (e *Engine) countDeadLetters(ctx context.Context) {
	ticker := time.NewTicker(countInterval)
	defer ticker.Stop()
	for {
		limit, cancel := context.WithTimeout(ctx, countInterval)
		if err := e.admin().SaveHighWater(limit); err != nil && ctx.Err() == nil {
			e.Log.Warn().Err(err).Msg("the high-water mark of the events was not saved")
		}
		if counts, err := e.Streams.DeadLetters.Counts(limit); err == nil {
			var list []telemetry.DeadCount
			for _, c := range counts {
				list = append(list, telemetry.DeadCount(c))
			}
			e.Metrics.Dead(list)
		}
		if usage, err := e.Streams.Usage(limit, e.readsAudit()); err == nil {
			for _, u := range usage {
				e.Metrics.Stream(u.Stream, u.Bytes, u.MaxBytes)
			}
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
