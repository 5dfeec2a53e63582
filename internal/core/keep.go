package core

import (
	"context"
	"time"
)

// keepEvery is the time between two looks for waiting wakes.
const keepEvery = time.Minute

// keep sets a timer as long as wakes wait for this process, such as while the vendor is on
// hold. An autoscaler counts timers, and cannot count wakes: without the timer the last process
// of the vendor would be stopped, and the wakes would stay until the next event.
func (x *Core) keep(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := x.keepOnce(ctx, 3*every); err != nil && ctx.Err() == nil {
			x.deps.Log.Debug().Err(err).Str("vendor", x.config.Vendor).Msg("autoscalers do not see wakes that wait, trying again")
		}
	}
}

func (x *Core) keepOnce(ctx context.Context, span time.Duration) error {
	if owner := x.owner.Load(); owner == nil || !owner.Owns() {
		return nil
	}
	n, err := x.streams.timers.CountWakes(ctx, x.config.Vendor)
	if err != nil || n == 0 {
		return err
	}
	return x.streams.timers.Keep(ctx, x.config.Vendor, time.Now().Add(span))
}
