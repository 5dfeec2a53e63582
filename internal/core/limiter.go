package core

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/usherhq/usher/internal/fairness"
)

// Limiter paces the calls of a vendor by the class of work. A Limiter is a vendors.Limiter.
type Limiter struct{ *fairness.Pacer }

// NewLimiter returns a Limiter for a rate in calls a second; zero or below means no limit.
func NewLimiter(rate float64) *Limiter { return &Limiter{fairness.NewPacer(rate)} }

// admission is the right of an effect to call the vendor. The first call needs no further
// token: the token was taken before the claim, since otherwise the call lease would run out
// in the queue.
type admission struct {
	class fairness.Class
	spent atomic.Bool
}

type admissionKey struct{}

// Wait waits until a call may begin. A call outside of an effect, such as a check or the
// recording of an activity, counts as activity. A probe is the first call of an effect.
func (l *Limiter) Wait(ctx context.Context, begin time.Time) error {
	a, ok := ctx.Value(admissionKey{}).(*admission)
	if ok && !a.spent.Swap(true) {
		if !time.Now().Before(begin) {
			return context.DeadlineExceeded
		}
		return ctx.Err()
	}
	if ctx.Err() == nil && time.Now().Before(begin) && l.TryAdmit() {
		return nil
	}
	ctx, cancel := context.WithDeadline(ctx, begin)
	defer cancel()
	switch {
	case l.Rest() > time.Until(begin): // no slot is kept until then
		return fairness.ErrResting
	case !ok:
		return l.Pacer.Wait(ctx, fairness.Activity)
	}
	return l.Resume(ctx, a.class)
}
