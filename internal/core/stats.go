package core

import (
	"time"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox"
)

// Stats is the knowledge of this process about the vendor.
type Stats struct {
	Owner   bool // this process owns the vendor
	OnHold  bool
	Retries mailbox.Waits // users with failed effects before a further attempt
	Unknown mailbox.Waits // users with an effect that may have changed the vendor
}

// Stats returns the statistics of the moment. Only the owner knows of users.
func (x *Core) Stats() Stats {
	s := Stats{OnHold: x.gate.breaker.Status().State == fairness.Open}
	if owner := x.owner.Load(); owner == nil || !owner.Owns() {
		return s
	}
	s.Owner = true
	if boxes := x.boxes.Load(); boxes != nil {
		s.Retries, s.Unknown = boxes.Retries(), boxes.Unknown()
	}
	return s
}

// Paused returns the pause of the vendor; ok is false without a pause.
func (x *Core) Paused() (p bus.Pause, ok bool) {
	if now := x.gate.pause.Load(); now != nil && !now.Over(time.Now()) {
		return *now, true
	}
	return bus.Pause{}, false
}

// Failures returns how many steps NATS has failed, and whether steps fail at present.
func (x *Core) Failures() (total uint64, failing bool) {
	return x.failures.Total(), x.failures.Failing()
}
