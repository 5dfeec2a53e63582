package mailbox

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	schedules "github.com/cenkalti/backoff/v4"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/vendors"
)

var errPanic = errors.New("the handler panicked")

// The classes of failure that end an effect, beside those of the vendors.
const (
	classInvalid      = "invalid"      // the event itself is at fault
	classPermanent    = "permanent"    // the vendor will never take it
	classUnreadable   = "unreadable"   // the responses of the vendor cannot be understood
	classPrerequisite = "prerequisite" // the account did not come
	classExhausted    = "exhausted"    // max_age has passed
	classPanic        = "panic"
	classDropped      = "dropped"   // by a person, while held
	classExpired      = "expired"   // the event left the stream
	classOverload     = "overload"  // the record of the user is full
	classRecord       = "record"    // the record of the user cannot be read
	classRule         = "rule"      // a rule of the team cannot be evaluated for the user
	classAmbiguous    = "ambiguous" // the vendor has several accounts for the user
	classUnadopted    = "unadopted" // the vendor has an account that the user may not get
)

// Classes that other packages tell apart.
const (
	ClassConflict = "conflict" // another user holds the account
	ClassProfile  = "profile"  // the rules of the effect need a profile that cannot be read
)

// Classes returns the classes that a dead letter may have.
func Classes() []string {
	return []string{
		classInvalid, classPermanent, classPrerequisite, classExhausted, classPanic, classDropped, classExpired, classOverload, classRecord,
		ClassConflict, classUnreadable, classRule, classAmbiguous, classUnadopted, ClassProfile,
	}
}

const (
	maxPanics     = 3
	maxUnreadable = 5 // attempts: enough to outlast an error page, too few to be a burden
	maxConflicts  = 8 // attempts within about a minute: the holder may be giving up the address
)

// maybeMade is added to the message of a failure if an earlier attempt may have reached the
// vendor. For the last attempt the error of the vendor says so.
const maybeMade = " (an earlier attempt may have made the change: look before you repeat it)"

// failed returns a failure as the outcome of an effect, without a time.
func failed(class, message string) record.Outcome {
	return record.Outcome{Kind: events.Failed, Class: class, Message: message}
}

// outcomeOf returns the outcome of an effect with a reply.
func outcomeOf(r handlers.Reply, now time.Time) record.Outcome {
	return record.Outcome{
		Kind: r.Outcome, AccountID: r.Account.ID, At: stamp(now),
		Action: r.Action, MatchedBy: r.MatchedBy, Changed: strings.Join(r.Changed, ","), Reason: r.Reason,
	}
}

// stamp returns a time of the server in the precision of results.
func stamp(now time.Time) time.Time { return now.UTC().Truncate(time.Millisecond) }

// judge judges a failed attempt at the time now of the server. The outcome has a kind if the
// effect is given up: the dead letter must be stored first. Otherwise the effect waits as the
// pause says.
func judge(c *Config, e *record.Effect, cause error, now time.Time) (record.Pause, record.Outcome) {
	v := classify(c, e, cause, now)
	o := record.Outcome{At: stamp(now), Class: v.giveUp, Status: vendors.StatusOf(cause), Message: message(cause)}
	if v.giveUp == "" {
		o.Class = cmp.Or(v.waits, vendors.ClassOf(cause).String())
		if v.pause.Due.IsZero() {
			v.pause.Due = v.due(c, e, now)
		}
		return v.pause, o
	}
	o.Kind = events.Failed
	if e.Unconfirmed && !vendors.IsUnknown(cause) {
		o.Message += maybeMade
	}
	return record.Pause{}, o
}

// verdict is the consequence of a failed attempt: a class of failure if the effect is given up,
// and otherwise a pause.
type verdict struct {
	giveUp string
	waits  string // class of the failure while the effect waits; empty: of the vendor
	pause  record.Pause
	least  time.Duration // of a pause without a due time
}

// classify turns the error of an attempt into a verdict.
func classify(c *Config, e *record.Effect, err error, now time.Time) verdict {
	age := now.Sub(e.Begun)
	_, invalid := errors.AsType[*events.InvalidError](err)
	_, unruled := errors.AsType[*handlers.RuleError](err)
	held, conflict := errors.AsType[*heldError](err)
	switch class := vendors.ClassOf(err); {
	case invalid:
		return verdict{giveUp: classInvalid}
	case unruled:
		return verdict{giveUp: classRule}
	case errors.Is(err, errPanic):
		if e.Strikes+1 >= maxPanics {
			return verdict{giveUp: classPanic}
		}
		return verdict{pause: record.Pause{Strike: true, Unconfirmed: true}}
	case errors.Is(err, errDropped):
		return verdict{giveUp: classDropped}
	case conflict && !held.changing:
		return conflictOf(c, e, err, now)
	case errors.Is(err, handlers.ErrForeign):
		return verdict{giveUp: classUnadopted}
	case errors.Is(err, vendors.ErrAmbiguous):
		return verdict{giveUp: classAmbiguous}
	case errors.Is(err, profile.ErrUnreadable):
		if age >= c.PrerequisiteWait {
			return verdict{giveUp: ClassProfile}
		}
		return verdict{}
	case errors.Is(err, handlers.ErrUnknownUser):
		return verdict{giveUp: classPrerequisite}
	case errors.Is(err, handlers.ErrNoAccount):
		if age >= c.PrerequisiteWait {
			return verdict{giveUp: classPrerequisite}
		}
		if e.Scope == events.ScopeActivity { // no data of the user for the rules: a look costs no call
			return verdict{pause: record.Pause{Prerequisite: true}}
		}
		return verdict{pause: record.Pause{Prerequisite: true, Due: e.Begun.Add(c.PrerequisiteWait)}}
	case vendors.IsUnreadable(err) && (class == vendors.Permanent || e.Strikes+1 >= maxUnreadable):
		return verdict{giveUp: classUnreadable}
	case class == vendors.Permanent:
		return verdict{giveUp: classPermanent}
	case age >= c.MaxAge:
		return verdict{giveUp: classExhausted}
	case class == vendors.Unusable:
		return verdict{least: c.HoldRetry}
	default:
		v := verdict{pause: record.Pause{Unconfirmed: mayHaveChanged(err), Strike: vendors.IsUnreadable(err)}, least: retryAfter(err)}
		if conflict {
			v.waits = ClassConflict
		}
		if vendors.IsUnanswered(err) && e.Scope != events.ScopeActivity { // otherwise the call may land behind a newer change
			v.least = max(v.least, c.CallTimeout)
		}
		return v
	}
}

// conflictOf returns the verdict for an account of another user: a few attempts, since an event of the
// other user may be on the way and give up the address, and then a dead letter. The delays grow by the
// conflicts alone: an outage before makes none of the delays longer.
func conflictOf(c *Config, e *record.Effect, err error, now time.Time) verdict {
	if e.Strikes+1 >= maxConflicts {
		return verdict{giveUp: ClassConflict}
	}
	due := now.Add(backoff(c, e.Strikes+1, 0))
	return verdict{waits: ClassConflict, pause: record.Pause{Strike: true, Unconfirmed: mayHaveChanged(err), Due: due}}
}

// mayHaveChanged reports whether a failed attempt may have changed the vendor.
func mayHaveChanged(err error) bool {
	return vendors.IsUnknown(err) || errors.Is(err, handlers.ErrChanged)
}

// due returns the time of the next attempt: not before the least pause, nor before a change in
// flight must have landed. But the last attempt is made at the end of MaxAge, even if the vendor
// asks for more time.
func (v verdict) due(c *Config, e *record.Effect, now time.Time) time.Time {
	if v.pause.Unconfirmed {
		v.least = max(v.least, c.CallTimeout)
	}
	due := now.Add(backoff(c, e.Attempts, v.least))
	if end := e.Begun.Add(c.MaxAge); due.After(end) && end.After(now) {
		return end
	}
	return due
}

// backoff returns least and an exponential backoff with full jitter.
func backoff(c *Config, attempts int, least time.Duration) time.Duration {
	schedule := schedules.NewExponentialBackOff(
		schedules.WithInitialInterval(c.RetryMin), schedules.WithMultiplier(2), schedules.WithMaxInterval(c.RetryMax),
		schedules.WithRandomizationFactor(0), schedules.WithMaxElapsedTime(0),
	)
	span := c.RetryMin
	for range min(attempts, 40) {
		span = schedule.NextBackOff()
	}
	return least + rand.N(span+1)
}

// retryAfter returns how long the vendor asks to wait.
func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*vendors.Error](err); ok {
		return e.After
	}
	return 0
}

// message returns the text of an error for results, dead letters and logs. The errors of
// vendors and of events hold neither secrets nor personal data.
func message(err error) string {
	if e, ok := errors.AsType[*vendors.Error](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*events.InvalidError](err); ok {
		return e.Error()
	}
	return err.Error()
}

// fail turns a failed attempt into an outcome or a pause. The dead letter of an abandoned
// effect is stored before the outcome.
func (t *attempts) fail(ctx context.Context, x *result, cause error, took time.Duration) *result {
	now := t.deps.Ownership.Now()
	pause, o := judge(t.config, &x.effect, cause, now)
	o.TookMS = took.Milliseconds()
	if errors.Is(cause, handlers.ErrNoAccount) {
		x.noAccount, t.user.noAccount = now, now
	}
	if o.Kind == "" {
		x.pause = withFailure(pause, o)
		t.report(x.event, &x.effect, o, pause.Due)
		return x
	}
	x.change.Unchanged = slices.Contains([]string{classAmbiguous, classUnadopted, ClassConflict, ClassProfile}, o.Class) && !mayHaveChanged(cause)
	return t.conclude(ctx, x, o, mayHaveChanged(cause))
}

// withFailure returns a pause with the failure for people. An effect without an account has failed
// nothing.
func withFailure(p record.Pause, o record.Outcome) record.Pause {
	if !p.Prerequisite {
		p.Class, p.Message, p.At = o.Class, o.Message, o.At
	}
	return p
}

// expire finishes an effect whose event is not stored any more.
func (t *attempts) expire(ctx context.Context, x *result) *result {
	x.event = gone(&x.effect)
	return t.conclude(ctx, x, expired(t.deps.Ownership.Now()), false)
}

// expired is the outcome of an effect whose event is not stored any more.
func expired(now time.Time) record.Outcome {
	o := failed(classExpired, "the event left the stream before it was finished")
	o.At = stamp(now)
	return o
}

// gone stands for the event of an effect that is not stored any more.
func gone(e *record.Effect) *Event {
	return &Event{Type: e.Type, Key: e.Key.String(), Message: Message{Position: e.Position, Subject: e.Type}}
}

// conclude gives an effect a failure as the outcome, after the dead letter. Without room for the letter
// the effect waits as after other failures: many such users must not use up the rate of the vendor.
func (t *attempts) conclude(ctx context.Context, x *result, o record.Outcome, unconfirmed bool) *result {
	if err := t.addDeadLetter(ctx, x.event, &x.effect, o); err != nil {
		x.failure = err
		x.pause = record.Pause{Due: t.deps.Ownership.Now().Add(backoff(t.config, x.effect.Attempts, 0)), Unconfirmed: unconfirmed}
		return x
	}
	x.outcome, x.change.Unconfirmed = &o, unconfirmed
	t.report(x.event, &x.effect, o, time.Time{})
	return x
}
