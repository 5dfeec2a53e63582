package mailbox

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

var (
	errPanic   = errors.New("the handler panicked")
	errDropped = errors.New("a person dropped the deletions that were on hold")
)

// The classes of failure that end an effect, beside those of the vendors.
const (
	classInvalid      = "invalid"      // the event itself is at fault
	classPermanent    = "permanent"    // the vendor will never take it
	classPrerequisite = "prerequisite" // the account did not come
	classExhausted    = "exhausted"    // max_age has passed
	classPanic        = "panic"
	classDropped      = "dropped"  // by a person, while held
	classExpired      = "expired"  // the event left the stream
	classOverload     = "overload" // the record of the user is full
	classRecord       = "record"   // the record of the user cannot be read
	classConflict     = "conflict" // another user holds the account
)

// Classes returns the classes that a dead letter may have.
func Classes() []string {
	return []string{
		classInvalid, classPermanent, classPrerequisite, classExhausted, classPanic, classDropped, classExpired, classOverload, classRecord,
		classConflict,
	}
}

const maxPanics = 3

// maybeMade is added to the message of a failure if an earlier attempt may have reached the
// vendor. For the last attempt the error of the vendor says so.
const maybeMade = " (an earlier attempt may have made the change: look before you repeat it)"

// verdict is the consequence of a failed attempt: a class of failure if it is given up, and
// otherwise a pause.
type verdict struct {
	giveUp string
	pause  record.Pause
}

// failure judges a failed attempt at the time now of the server. The outcome has a kind if
// the effect is given up: then its dead letter must be stored first. Otherwise the effect
// waits as the pause says.
func (t *task) failure(e *record.Effect, cause error, now time.Time) (record.Pause, record.Outcome) {
	v := t.judge(e, cause, now)
	o := record.Outcome{At: now.UTC().Truncate(time.Millisecond), Class: v.giveUp, Status: vendors.StatusOf(cause), Message: message(cause)}
	if v.giveUp == "" {
		o.Class = vendors.ClassOf(cause).String()
		return v.pause, o
	}
	o.Kind = events.Failed
	if e.Unconfirmed && !vendors.IsUnknown(cause) {
		o.Message += maybeMade
	}
	return record.Pause{}, o
}

// judge turns the error of an attempt into a verdict. now is the time of the server.
func (t *task) judge(e *record.Effect, err error, now time.Time) verdict {
	age := now.Sub(e.Begun)
	invalid, held := (*events.InvalidError)(nil), (*heldError)(nil)
	switch class := vendors.ClassOf(err); {
	case errors.As(err, &invalid):
		return verdict{giveUp: classInvalid}
	case errors.Is(err, errPanic):
		if e.Panics+1 >= maxPanics {
			return verdict{giveUp: classPanic}
		}
		return t.later(e, record.Pause{Panicked: true, Unconfirmed: true}, now, 0)
	case errors.Is(err, errDropped):
		return verdict{giveUp: classDropped}
	case errors.As(err, &held) && !held.changing:
		return verdict{giveUp: classConflict}
	case errors.Is(err, handlers.ErrNoAccount):
		if age >= t.config.PrerequisiteWait {
			return verdict{giveUp: classPrerequisite}
		}
		return verdict{pause: record.Pause{Prerequisite: true, Due: e.Begun.Add(t.config.PrerequisiteWait)}}
	case class == vendors.Permanent:
		return verdict{giveUp: classPermanent}
	case age >= t.config.MaxAge:
		return verdict{giveUp: classExhausted}
	case class == vendors.Unusable:
		return t.later(e, record.Pause{}, now, t.config.HoldRetry)
	default:
		least := retryAfter(err)
		if vendors.IsUnanswered(err) && e.Scope != events.ScopeActivity { // otherwise the call may land behind a newer change
			least = max(least, t.config.CallTimeout)
		}
		return t.later(e, record.Pause{Unconfirmed: mayHaveChanged(err)}, now, least)
	}
}

// later sets the time of the next attempt: at least so late as the vendor asks, and not
// before a change that may be on its way must have landed; but a last time when max_age
// is over, whatever the vendor asks.
func (t *task) later(e *record.Effect, p record.Pause, now time.Time, least time.Duration) verdict {
	if p.Unconfirmed {
		least = max(least, t.config.CallTimeout)
	}
	p.Due = now.Add(t.backoff(e.Attempts, least))
	if end := e.Begun.Add(t.config.MaxAge); p.Due.After(end) && end.After(now) {
		p.Due = end
	}
	return verdict{pause: p}
}

// backoff returns least and an exponential backoff with full jitter.
func (t *task) backoff(attempts int, least time.Duration) time.Duration {
	schedule := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(t.config.RetryMin), backoff.WithMultiplier(2), backoff.WithMaxInterval(t.config.RetryMax),
		backoff.WithRandomizationFactor(0), backoff.WithMaxElapsedTime(0),
	)
	span := t.config.RetryMin
	for range min(attempts, 40) {
		span = schedule.NextBackOff()
	}
	return least + rand.N(span+1)
}

// retryAfter returns how long the vendor asks to wait.
func retryAfter(err error) time.Duration {
	if e := (*vendors.Error)(nil); errors.As(err, &e) {
		return e.After
	}
	return 0
}

// message returns the text of an error for results, dead letters and logs. The errors of
// vendors and of events hold neither secrets nor personal data.
func message(err error) string {
	vendor, invalid := (*vendors.Error)(nil), (*events.InvalidError)(nil)
	switch {
	case errors.As(err, &vendor):
		return vendor.Error()
	case errors.As(err, &invalid):
		return invalid.Error()
	default:
		return err.Error()
	}
}
