package main

import (
	"context"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/telemetry"
)

// watch tells when so many effects wait on a lane that it comes near its limit,
// beyond which the server delivers nothing new of it.
func (e *engine) watch(ctx context.Context, vendor string, lanes []bus.LaneConfig) {
	ticker := time.NewTicker(e.config.Worker.AckWait / 3)
	defer ticker.Stop()
	told := map[string]bool{}
	for {
		for _, l := range lanes {
			s, err := e.bus.State(ctx, l.Stream, l.Name)
			if err != nil {
				continue // who fetches from it says so
			}
			e.metrics.Lane(vendor, strings.TrimPrefix(l.Name, ops.LaneName(vendor, "")), telemetry.Lane{
				Pending: s.Pending, Waiting: s.Waiting, Limit: s.Limit, Redelivered: s.Redone, Oldest: s.Oldest, Paused: !s.PausedTo.IsZero(),
			})
			full := ops.NearlyFull(s)
			if full && !told[l.Name] {
				e.log.Error().Str("vendor", vendor).Str("consumer", l.Name).Int("waiting", s.Waiting).Int("limit", s.Limit).
					Msg("many effects wait: at the limit nothing new is delivered until some end. Raise worker.max_ack_pending and run usher nats apply")
			}
			told[l.Name] = full
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// graveTime is how often the dead letters are counted.
const graveTime = 30 * time.Second

// count counts the dead letters every so often, and remembers how far the events
// have come.
func (e *engine) count(ctx context.Context) {
	ticker := time.NewTicker(graveTime)
	defer ticker.Stop()
	for {
		limit, cancel := context.WithTimeout(ctx, graveTime)
		if err := e.bus.Remember(limit); err != nil && ctx.Err() == nil {
			e.log.Warn().Err(err).Msg("not remembered")
		}
		if graves, err := e.bus.Graves(limit); err == nil {
			var list []telemetry.Grave
			for _, g := range graves {
				list = append(list, telemetry.Grave(g))
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
