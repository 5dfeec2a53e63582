package ops

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// waits completes the effects: by the event in front, by the end of the wait for an account, and by
// the hold of the vendor.
func (s *Service) waits(ctx context.Context, h *History) (err error) {
	c := s.Config.Worker
	if h.Holds, err = s.holds(ctx); err != nil {
		return err
	}
	keys := map[record.Key]string{}
	for _, e := range h.Events {
		keys[e.key] = e.Key
	}
	for _, one := range h.runs() {
		if one.behind != nil {
			key := cmp.Or(keys[one.behind.Key], one.behind.Key.String())
			one.Why = fmt.Sprintf("waits for the %s before it (event key %s)", one.behind.Type, key)
		}
		if !one.begun.IsZero() {
			end := one.begun.Add(c.PrerequisiteWait)
			one.GivenUp = &end
		}
		if one.Ended != nil && one.Vendor != Deliveries && one.Vendor != streams.EventPlace {
			one.Result = events.ResultID(one.Key, one.Vendor, one.Replay)
		}
		if h, held := h.Holds[one.Vendor]; held && one.Ended == nil && one.State != EffectAtWork {
			one.hold(h, h.Check(c.HoldRetry))
		}
	}
	return nil
}

// hold notes that nothing is asked of the vendor before next.
func (e *HistoryEvent) hold(h streams.Hold, next time.Time) {
	if e.Why != "" {
		e.Why = "; " + e.Why
	}
	e.Why = "vendor on hold: " + h.Why + e.Why
	if next.After(time.Now()) && (e.Until == nil || e.Until.Before(next)) {
		e.Until = &next
	}
}
