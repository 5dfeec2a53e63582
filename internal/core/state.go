package core

import (
	"time"

	"github.com/usherhq/usher/internal/streams"
)

// Paused returns the pause of the vendor; ok is false if it is not paused.
func (x *Core) Paused() (p streams.Pause, ok bool) {
	if now := x.gate.pause.Load(); now != nil && !now.Over(time.Now()) {
		return *now, true
	}
	return streams.Pause{}, false
}

// Failures returns how many steps NATS has failed, and whether steps fail at present.
func (x *Core) Failures() (total uint64, failing bool) {
	return x.failures.Total(), x.failures.Failing()
}
