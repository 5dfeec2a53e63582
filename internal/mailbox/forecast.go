package mailbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/vendors"
)

// Forecast is the predicted end of an attempt at an event.
type Forecast struct {
	Preview // Would is PreviewCall if an attempt would be made

	// Reply is the step of the attempt. With Changes the step is not made: the adapter refused the
	// call. Of a skipped event, Reply has the reason.
	Reply   handlers.Reply
	Changes bool   // the attempt would change the vendor
	Class   string // of a failure
	Failure string
	Retried bool // the failure would be followed by a further attempt, and by no dead letter
}

// openGate lets a forecast call the vendor at any time.
type openGate struct{}

func (openGate) Allows(Class) bool                                   { return true }
func (openGate) Wait(context.Context, Class) error                   { return nil }
func (openGate) TryWait() bool                                       { return true }
func (openGate) Attach(ctx context.Context, _ Class) context.Context { return ctx }
func (openGate) Report(string, error)                                {}

// readIndex is an index of accounts for a reservation that is not stored.
type readIndex struct{ Records }

// Store stores nothing, and returns the revision.
func (readIndex) Store(_ context.Context, _ string, _ []byte, revision uint64) (uint64, error) {
	return revision, nil
}

// Forecast predicts the end of an attempt at an event, by the rules of an attempt: the record of
// the user, the rules of the team, the look-ups of the handler. The adapter of the vendor must only
// read. Errors are errors of NATS.
func (x *Previewer) Forecast(ctx context.Context, e *Event, now time.Time) (Forecast, error) {
	t, f, err := x.begin(ctx, e, now)
	if err != nil || f.Would != PreviewCall {
		return f, err
	}
	a := t.forecastOf(e, now)
	found, err := t.profile(ctx, e)
	if err != nil {
		return t.withoutProfile(f, a, err)
	}
	return t.forecast(ctx, f, a, found)
}

// UserState is the state of a user, for forecasts at several vendors.
type UserState struct {
	Record  *record.Record   // at the vendor
	Profile handlers.Profile // see ProfileAt
}

// ForecastBy is Forecast with the state of the user at hand.
func (x *Previewer) ForecastBy(ctx context.Context, u UserState, e *Event, now time.Time) (Forecast, error) {
	t := x.attemptsOf(e)
	t.user.stored = stored{known: true, record: u.Record}
	f := Forecast{Preview: x.Preview(u.Record, e, now)}
	if f.Would != PreviewCall {
		return f, nil
	}
	if x.vendor.Rules == nil {
		u.Profile = handlers.Profile{}
	}
	return t.forecast(ctx, f, t.forecastOf(e, now), u.Profile)
}

// forecast predicts the end of an attempt, with the profile of the user.
func (t *attempts) forecast(ctx context.Context, f Forecast, a *result, p handlers.Profile) (Forecast, error) {
	e, known := a.event, t.known(a)
	known.Profile = p
	if e.Handler.Scope == events.ScopeActivity {
		known = handlers.Known{From: known.From, Profile: known.Profile}
	}
	reply, err := t.do(ctx, call{event: e, known: known, begin: time.Now().Add(t.config.CallLease), user: t.user.key})
	if err == nil {
		a.change, a.outcome = changeOf(e, reply), &record.Outcome{Kind: reply.Outcome}
		err = t.accounts.reserve(ctx, a.holds(), false)
	}
	return t.conclusion(f, a, reply, err)
}

// Ruling predicts the end of an event as far as the record and the rules of the team decide. No
// vendor is asked: Would is PreviewCall if the vendor decides.
func (x *Previewer) Ruling(ctx context.Context, e *Event, now time.Time) (Forecast, error) {
	t, f, err := x.begin(ctx, e, now)
	if err != nil || f.Would != PreviewCall {
		return f, err
	}
	a := t.forecastOf(e, now)
	known := t.known(a)
	if known.Profile, err = t.profile(ctx, e); err != nil {
		return t.withoutProfile(f, a, err)
	}
	reply, _, err := e.Handler.Ruling(t.vendorOf(e), known, e.Event)
	return t.conclusion(f, a, reply, err)
}

// begin reads the record of the user, and returns the attempts of the user and the preview by the
// record.
func (x *Previewer) begin(ctx context.Context, e *Event, now time.Time) (*attempts, Forecast, error) {
	t := x.attemptsOf(e)
	err := x.load(ctx, t.user)
	if unreadable, ok := errors.AsType[unreadableError](err); ok {
		return t, Forecast{Preview: Preview{Would: PreviewRefused, Rule: classRecord, Message: unreadable.Error()}}, nil
	}
	if err != nil {
		return t, Forecast{}, err
	}
	return t, Forecast{Preview: x.Preview(t.user.stored.record, e, now)}, nil
}

// attemptsOf returns the attempts of the user of an event, without the record.
func (x *Previewer) attemptsOf(e *Event) *attempts {
	u := &user{key: x.keyOf(e)}
	return &attempts{
		publisher: &publisher{reporter: &reporter{parts: x.parts}}, user: u,
		accounts: &accounts{parts: x.parts, user: u, needless: needsNoAccount(x.vendor, u.key), preview: true},
	}
}

// forecastOf returns the attempt of a forecast, without a result.
func (t *attempts) forecastOf(e *Event, now time.Time) *result {
	return &result{event: e, effect: record.Effect{
		Key: record.KeyOf(e.Key), Replay: e.Replay, Position: e.Message.Position, Type: e.Type, Scope: e.Handler.Scope, Course: e.Plan.Course,
		Registered: now, Begun: now, Attempts: 1,
	}}
}

// withoutProfile adds the failure to read the profile to a forecast. Returns the errors of NATS.
func (t *attempts) withoutProfile(f Forecast, a *result, err error) (Forecast, error) {
	if !errors.Is(err, profile.ErrUnreadable) {
		return f, err
	}
	f, err = t.conclusion(f, a, handlers.Reply{}, err)
	f.Class = ClassProfile
	return f, err
}

// conclusion adds the end of an attempt to a forecast. Returns the errors of NATS.
func (t *attempts) conclusion(f Forecast, a *result, reply handlers.Reply, err error) (Forecast, error) {
	f.Reply = reply
	held, conflict := errors.AsType[*heldError](err)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, vendors.ErrReadOnly):
		f.Changes = true
		return f, nil
	case errors.Is(err, errReserve) && !conflict:
		return f, err
	case conflict:
		f.Class, f.Failure, f.Retried = ClassConflict, held.Error(), held.changing
		return f, nil
	}
	_, o := judge(t.config, &a.effect, err, a.effect.Begun)
	f.Class, f.Failure, f.Retried = o.Class, o.Message, o.Kind == ""
	if errors.Is(err, handlers.ErrNoAccount) {
		f.Class = classPrerequisite
	}
	return f, nil
}

// PeekProfiles returns profiles that are read and merged, and not stored.
func PeekProfiles(read func(ctx context.Context, key string) (profile.Profile, error)) Profiles {
	return peeker(read)
}

// peeker merges events into profiles in memory.
type peeker func(ctx context.Context, key string) (profile.Profile, error)

// Merge returns the profile with the event.
func (p peeker) Merge(ctx context.Context, key string, e events.Event, at events.Position) (profile.Profile, error) {
	found, err := p(ctx, key)
	if err != nil {
		return found, fmt.Errorf("profile: %w", err)
	}
	_, err = found.Merge(e, at)
	return found, err
}
