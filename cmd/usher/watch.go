package main

import (
	"context"
	"time"

	"github.com/usherhq/usher/internal/bus"
)

// crowded is the share of a lane's limit at which an operator is told: while
// there is room still.
const crowded = 0.8

// watch tells when so many effects wait on a lane that it comes near its limit,
// beyond which the server delivers nothing new of it.
func (e *engine) watch(ctx context.Context, vendor string, lanes []bus.LaneConfig) {
	ticker := time.NewTicker(e.config.Worker.AckWait / 3)
	defer ticker.Stop()
	told := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, l := range lanes {
			s, err := e.bus.State(ctx, l.Stream, l.Name)
			if err != nil {
				continue // who fetches from it says so
			}
			full := s.Limit > 0 && float64(s.Waiting) >= crowded*float64(s.Limit)
			if full && !told[l.Name] {
				e.log.Error().Str("vendor", vendor).Str("consumer", l.Name).Int("waiting", s.Waiting).Int("limit", s.Limit).
					Msg("many effects wait: at the limit nothing new is delivered until some end. Raise worker.max_ack_pending and run usher nats apply")
			}
			told[l.Name] = full
		}
	}
}
