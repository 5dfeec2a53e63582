package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/telemetry"
)

// watch tells how the lanes of all vendors stand, whoever serves them: nobody else would
// tell of a vendor whose own process does not run.
func (e *engine) watch(ctx context.Context) {
	ticker := time.NewTicker(e.config.Worker.AckWait / 3)
	defer ticker.Stop()
	told := map[string]bool{}
	for {
		for _, v := range vendorList(&e.config) {
			for _, l := range ops.Lanes(v.name, layout(e.config.NATS).Events) {
				e.look(ctx, v.name, l, told)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look tells how a lane stands, and when so many effects wait on one that this process
// serves that it comes near its limit, beyond which the server delivers nothing new of it.
func (e *engine) look(ctx context.Context, vendor string, l ops.Lane, told map[string]bool) {
	s, err := e.bus.State(ctx, l.Stream, l.Consumer)
	if errors.Is(err, bus.ErrNoConsumer) {
		e.metrics.NoLane(vendor, l.Name)
	}
	if err != nil {
		return // who fetches from it says so
	}
	e.metrics.Lane(vendor, l.Name, telemetry.Lane{
		Pending: s.Pending, Waiting: s.Waiting, Limit: s.Limit, Redelivered: s.Redone, Oldest: s.Oldest, Paused: !s.PausedTo.IsZero(),
	})
	full := ops.NearlyFull(s) && slices.Contains(names(e.on()), vendor)
	if full && !told[l.Consumer] {
		e.log.Error().Str("vendor", vendor).Str("consumer", l.Consumer).Int("waiting", s.Waiting).Int("limit", s.Limit).
			Msg("many effects wait: at the limit nothing new is delivered until some end. Raise worker.max_ack_pending and run usher nats apply")
	}
	told[l.Consumer] = full
}

// countTime is how often the dead letters are counted.
const countTime = 30 * time.Second

// count counts the dead letters every so often, and remembers how far the events
// have come.
func (e *engine) count(ctx context.Context) {
	ticker := time.NewTicker(countTime)
	defer ticker.Stop()
	for {
		limit, cancel := context.WithTimeout(ctx, countTime)
		if err := e.bus.Remember(limit); err != nil && ctx.Err() == nil {
			e.log.Warn().Err(err).Msg("not remembered")
		}
		if counts, err := e.bus.DeadCounts(limit); err == nil {
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
