package ops

import (
	"context"
	"time"

	"github.com/usherhq/usher/internal/bus"
)

// waits says of what waits until when it does, and whether the vendor is on hold.
func (d *Desk) waits(ctx context.Context, s *Story) (err error) {
	c := d.Config.Worker
	if s.Holds, err = d.holds(ctx); err != nil {
		return err
	}
	for i := range s.Events {
		one := &s.Events[i]
		if !one.begun.IsZero() {
			end := one.begun.Add(c.PrerequisiteWait)
			one.GivenUp = &end
		}
		if h, held := s.Holds[one.Vendor]; held && one.Ended == nil && one.State != EffectAtWork {
			one.hold(h, h.At.Add(c.HoldRetry))
		}
	}
	return nil
}

// hold notes that nothing is asked of the vendor before next.
func (e *StoryEvent) hold(h bus.Hold, next time.Time) {
	if e.Why != "" {
		e.Why = "; " + e.Why
	}
	e.Why = "vendor on hold: " + h.Why + e.Why
	if next.After(time.Now()) && (e.Until == nil || e.Until.Before(next)) {
		e.Until = &next
	}
}
