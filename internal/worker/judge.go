package worker

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/vendors"
)

var (
	errPanic   = errors.New("the handler panicked")
	errHeld    = errors.New("deletions are on hold until a person approves them")
	errDropped = errors.New("a person dropped the deletions that were on hold")
)

// The classes of failure that end an effect, beside the vendors' own.
const (
	classInvalid      = "invalid"      // the event itself is at fault
	classPermanent    = "permanent"    // the vendor will never take it
	classPrerequisite = "prerequisite" // what it waits for did not come
	classExhausted    = "exhausted"    // max_age passed
	classPanic        = "panic"
	classDropped      = "dropped" // by a person, while on hold
)

// Classes are the classes that a dead letter may have.
func Classes() []string {
	return []string{classInvalid, classPermanent, classPrerequisite, classExhausted, classPanic, classDropped}
}

const maxPanics = 3

// maybeMade is added to what is said of a failure where an attempt before the last one
// may have reached the vendor. Of the last one the vendors' errors say it.
const maybeMade = " (the change may have been made by an attempt before: look before repeating it)"

// verdict is what is done about a failed attempt: given up, for a reason, or
// tried again.
type verdict struct {
	giveUp string // the class; empty: try again
	pause  ledger.Pause
}

// judge is the one place where an error becomes a verdict.
func (w *Worker) judge(e ledger.Effect, err error, now time.Time) verdict {
	age := now.Sub(e.Begun)
	switch class := vendors.ClassOf(err); {
	case errors.Is(err, errPanic):
		if e.Panics+1 >= maxPanics {
			return verdict{giveUp: classPanic}
		}
		return w.later(e, ledger.Pause{Panicked: true, Unsettled: true}, now, 0)
	case errors.Is(err, errDropped):
		return verdict{giveUp: classDropped}
	case errors.Is(err, errHeld):
		return verdict{pause: ledger.Pause{Held: true, Due: now.Add(w.config.HoldRetry + w.jitter(0))}}
	case errors.Is(err, handlers.ErrNoAccount):
		if age >= w.config.PrerequisiteWait {
			return verdict{giveUp: classPrerequisite}
		}
		v := w.later(e, ledger.Pause{Prerequisite: true}, now, 0)
		if soon := now.Add(max(w.config.RetryMin, w.config.PrerequisiteWait/20)); v.pause.Due.After(soon) {
			v.pause.Due = soon
		}
		return v
	case class == vendors.Permanent:
		return verdict{giveUp: classPermanent}
	case age >= w.config.MaxAge:
		return verdict{giveUp: classExhausted}
	case class == vendors.Unusable:
		return w.later(e, ledger.Pause{}, now, w.config.HoldRetry)
	default:
		least := asked(err)
		if vendors.IsUnanswered(err) && e.Scope != events.ScopeActivity { // or it lands behind a newer change
			least = max(least, w.config.CallTimeout)
		}
		return w.later(e, ledger.Pause{Unsettled: vendors.IsUnknown(err)}, now, least)
	}
}

// later sets when to try again: never before the vendor asked for it, and where
// a write may be on its way, never before it must have landed; but once more
// when max_age is over, whatever the vendor asked for.
func (w *Worker) later(e ledger.Effect, p ledger.Pause, now time.Time, least time.Duration) verdict {
	if p.Unsettled {
		least = max(least, w.config.CallTimeout)
	}
	p.Due = now.Add(least + w.jitter(e.Attempts))
	if end := e.Begun.Add(w.config.MaxAge); p.Due.After(end) && end.After(now) {
		p.Due = end // tried for the last time, and not forgotten in the stream
	}
	return verdict{pause: p}
}

// jitter is the exponential backoff before the next attempt, with full jitter.
func (w *Worker) jitter(attempts int) time.Duration {
	schedule := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(w.config.RetryMin),
		backoff.WithMultiplier(2),
		backoff.WithMaxInterval(w.config.RetryMax),
		backoff.WithRandomizationFactor(0),
		backoff.WithMaxElapsedTime(0),
	)
	span := w.config.RetryMin
	for range min(attempts, 40) {
		span = schedule.NextBackOff()
	}
	return rand.N(span + 1)
}

// asked is how long the vendor asked us to wait.
func asked(err error) time.Duration {
	if e := (*vendors.Error)(nil); errors.As(err, &e) {
		return e.After
	}
	return 0
}

// patience is how long a delivery waits that may not begin yet: until the time
// that is known, or a little longer each time.
func (w *Worker) patience(t *task, until time.Time) time.Duration {
	const first, doublings = 20 * time.Millisecond, 7
	wait := first << min(t.place.Delivery, doublings)
	if known := time.Until(until); known > 0 {
		return known + rand.N(first)
	}
	return wait/2 + rand.N(wait/2)
}

// fail writes a failed attempt down: as an outcome where it is given up, else
// as a pause.
func (w *Worker) fail(ctx context.Context, t *task, e ledger.Effect, took time.Duration, cause error) settlement {
	now := time.Now()
	v := w.judge(e, cause, now)
	if v.giveUp != "" {
		o := ledger.Outcome{
			Kind: events.Failed, TookMS: took.Milliseconds(), At: now.UTC(),
			Class: v.giveUp, Status: vendors.StatusOf(cause), Message: message(cause),
		}
		if e.Unsettled && !vendors.IsUnknown(cause) {
			o.Message += maybeMade
		}
		return w.finish(ctx, t, e, o, ledger.Change{})
	}
	ours := false
	var d ledger.Decision
	err := t.book.Revise(ctx, t.record, &t.sight, func(a *ledger.Account) {
		if d = t.claimed(a); d.Step == ledger.Proceed {
			ours = a.Release(t.token, v.pause)
		}
	})
	if err != nil {
		w.trouble(t, err)
		return left
	}
	if d.Step != ledger.Proceed {
		return w.decided(ctx, t, d)
	}
	if !errors.Is(cause, errHeld) { // that is told once for all of them
		w.line(t, e, ledger.Outcome{Class: vendors.ClassOf(cause).String(), Status: vendors.StatusOf(cause), Message: message(cause), TookMS: took.Milliseconds()}, v.pause.Due)
	}
	if !ours {
		return left
	}
	back := v.pause.Due.Add(2 * w.config.AckWait)
	w.retries.add(t.key, e.Begun, back)
	if v.pause.Unsettled {
		w.unknown.add(t.key, now, back)
	}
	return again(time.Until(v.pause.Due))
}
