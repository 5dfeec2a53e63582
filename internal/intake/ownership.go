package intake

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/pause"
)

// ownership is the time of this process as the owner of the vendor. An ownership implements
// mailbox.Ownership.
type ownership struct {
	*Owner

	lease   Lease
	token   uint64
	since   time.Time // by the clock of the server
	boxes   *mailbox.Mailboxes
	timers  mailbox.Timers
	tracker *tracker
	stop    context.CancelFunc

	mu        sync.Mutex
	committed events.Position
	atStart   events.Position // committed when the ownership began
	latest    time.Time       // that Now has returned
}

// begin takes over from the former owner: begin raises the fencing token, and reads on from the
// committed position.
func (o *Owner) begin(ctx context.Context, lease Lease) (*ownership, error) {
	x := &ownership{Owner: o, lease: lease, stop: func() {}}
	var err error
	// The time of the server keeps the token above all before, even if the stored token is lost.
	floor := max(o.floor.Load(), uint64(x.Now().Unix()))
	if x.token, err = o.deps.State.RaiseToken(ctx, floor); err != nil {
		return nil, err
	}
	if x.committed, err = o.deps.State.Position(ctx); err != nil {
		return nil, err
	}
	x.since = x.Now()
	x.atStart = x.committed
	x.tracker = newTracker(x.committed, eventBounds)
	x.boxes, x.timers, err = o.deps.Mailboxes(x)
	return x, err
}

// end commits the last position and releases the lease. The process ends in time even without an
// answer of NATS: the next owner commits the position, and the lease ends with its time to live.
func (x *ownership) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.config.Grace/3)
	defer cancel()
	return errors.Join(x.commitOnce(ctx), x.lease.Release(ctx))
}

// Token is the fencing token.
func (x *ownership) Token() uint64 { return x.token }

// Since is the beginning of the ownership, by the clock of the server.
func (x *ownership) Since() time.Time { return x.since }

// Until is the end of the certain time of the ownership, by the clock of the process.
func (x *ownership) Until() time.Time {
	if !record.Fencing {
		return time.Now().Add(time.Hour)
	}
	return x.lease.Until()
}

// Now returns the time of the server. Each renewal of the lease measures the time anew, to within
// half a round trip. Now never goes back: the times of outcomes are in the order of the outcomes.
func (x *ownership) Now() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	if now := x.lease.ServerTime(time.Now()); now.After(x.latest) {
		x.latest = now
	}
	return x.latest
}

// Committed is the committed position.
func (x *ownership) Committed() events.Position {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.committed
}

// StepDown ends the ownership.
func (x *ownership) StepDown(token uint64) {
	for last := x.floor.Load(); token > last && !x.floor.CompareAndSwap(last, token); last = x.floor.Load() {
	}
	x.stop()
}

// renew renews the lease until ctx ends, and ends the ownership once the lease is lost.
func (x *ownership) renew(ctx context.Context) {
	for ctx.Err() == nil {
		if !time.Now().Before(x.Until()) {
			x.deps.Log.Warn().Str("vendor", x.config.Vendor).Uint64("token", x.token).Msg("the lease is lost: another process may own the vendor now")
			x.stop()
			return
		}
		pause.For(ctx, x.config.Renew)
		if ctx.Err() == nil {
			if err := x.lease.Renew(ctx); err != nil {
				x.deps.Failed("renew the lease")
				x.deps.Log.Debug().Err(err).Str("vendor", x.config.Vendor).Msg("the lease was not renewed, trying again")
			}
		}
	}
}

// commit commits the position every now and then.
func (x *ownership) commit(ctx context.Context) {
	for shown := (events.Position{}); ctx.Err() == nil; pause.For(ctx, x.config.Commit) {
		if err := x.commitOnce(ctx); err != nil {
			x.deps.Failed("commit the position")
			x.deps.Log.Debug().Err(err).Str("vendor", x.config.Vendor).Msg("the position was not committed, trying again")
			continue
		}
		if p := x.Committed(); p != shown && x.deps.ShowPosition(ctx, p) == nil {
			shown = p
		}
	}
}

func (x *ownership) commitOnce(ctx context.Context) error {
	p := x.tracker.position()
	if !x.Committed().Before(p) {
		return nil
	}
	if err := x.deps.State.Commit(ctx, p); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.committed = p
	return nil
}

// insist repeats a step that NATS fails, with a growing delay, until ctx ends. A newer owner
// ends the ownership.
func (x *ownership) insist(ctx context.Context, step string, do func() error) {
	for delay := firstDelay; ctx.Err() == nil; delay = min(2*delay, lastDelay) {
		began := time.Now()
		err := do()
		switch {
		case err == nil:
			return
		case record.Fencing && errors.Is(err, ErrNewerOwner):
			x.stop()
			return
		case time.Since(began) > delay: // after a while of success
			delay = firstDelay
		}
		if ctx.Err() == nil {
			x.deps.Failed(step)
			x.deps.Log.Warn().Err(err).Str("vendor", x.config.Vendor).Str("step", step).Stringer("delay", delay).Msg("a step failed, trying again")
			pause.For(ctx, delay)
		}
	}
}
