package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// ErrChanged is returned for a difference that is no longer as reported.
var ErrChanged = errors.New("it has changed since it was compared")

// Plan is the list of messages that repair a difference, in this order.
type Plan struct {
	Repairs []streams.Repair
	Letter  *streams.DeadLetter // replayed, instead
	Lost    int                 // enrolments and updates of a missing account whose events are no longer kept
}

// PlanFor returns the plan for a difference, or ErrChanged if the record has changed since.
// A plan does no harm if the record changes later: the owner of the vendor reads the record
// again when the repair is carried out.
func PlanFor(ctx context.Context, deps Deps, d Difference) (Plan, error) {
	c := comparison{Deps: deps}
	if d.Repair == "" {
		return Plan{}, ErrChanged
	}
	e, err := c.Records.Load(ctx, d.record)
	if err != nil {
		return Plan{}, err
	}
	if e.Revision != d.revision {
		return Plan{}, ErrChanged
	}
	if d.Repair == Adopt {
		return c.planAdoption(ctx, e.Record)
	}
	p, note, err := c.plan(ctx, e.Record)
	switch {
	case err != nil:
		return Plan{}, err
	case note != "" || p.how != d.Repair:
		return Plan{}, ErrChanged
	}
	whole := Plan{}
	if p.how == Provision {
		if whole, err = c.planRest(ctx, e.Record, d.AccountID); err != nil {
			return Plan{}, err
		}
	}
	whole.Repairs = append(whole.Repairs, c.repair(p.original, e.Record, d.AccountID))
	return whole, nil
}

// plan is the repair by the last creation, deletion or restoration of an account.
type plan struct {
	how      Repair
	key      string // of the event
	email    string
	original streams.Original
}

// plan reads the last lifecycle event that was applied. note says why the event cannot be
// sent once more.
func (c *comparison) plan(ctx context.Context, r *record.Record) (p plan, note string, err error) {
	how, kind, also := Provision, events.UserCreated, events.UserRestored
	if r.State == record.Deleted {
		how, kind, also = Delete, events.UserDeleted, events.UserDeleted
	}
	if r.Lifecycle == (events.Position{}) {
		return p, "usher found it there, and has no event that made it: send " + kind, nil
	}
	o, err := c.Events.Original(ctx, r.Lifecycle)
	switch {
	case errors.Is(err, streams.ErrGone):
		return p, "its event is no longer kept: send " + kind + " again", nil
	case err != nil:
		return p, "", err
	case o.Event.Type() != kind && o.Event.Type() != also:
		return p, "its last event is a " + o.Event.Type() + ": send " + kind, nil
	}
	p = plan{key: o.Key(), email: email(o.Event), original: o}
	if events.Expired(o.Event, time.Now()) {
		return p, "the time of its event is up: send " + kind + " again", nil
	}
	d, err := c.DeadLetters.Get(ctx, c.Name, o.Event.Type(), p.key)
	switch {
	case err == nil:
		return p, "a repair of it has failed: usher dead show " + d.ID(), nil
	case !errors.Is(err, streams.ErrNoDeadLetter):
		return p, "", err
	}
	p.how = how
	return p, "", nil
}

// planRest plans to repeat the enrolments of a missing account, and the update that is newer
// than the account: without the update the new account would have the data of its creation.
// They come before the creation: until the creation is done they wait for it, and if it is
// never sent, the account is still missing and everything is planned again.
func (c *comparison) planRest(ctx context.Context, r *record.Record, account string) (p Plan, err error) {
	var positions []events.Position
	for _, name := range slices.Sorted(maps.Keys(r.Courses)) {
		if course := r.Courses[name]; course.Enrolled {
			positions = append(positions, course.Position)
		}
	}
	if r.Lifecycle.Before(r.Data) {
		positions = append(positions, r.Data)
	}
	for _, position := range positions {
		o, err := c.Events.Original(ctx, position)
		switch {
		case errors.Is(err, streams.ErrGone), err == nil && events.Expired(o.Event, time.Now()):
			p.Lost++
		case err != nil:
			return p, err
		default:
			p.Repairs = append(p.Repairs, c.repair(o, r, account))
		}
	}
	return p, nil
}

func (c *comparison) repair(o streams.Original, r *record.Record, account string) streams.Repair {
	return streams.Repair{Original: o, Vendor: c.Name, Account: account, Replay: r.NextReplay(record.KeyOf(o.Key()), o.Position)}
}

// planAdoption reads the dead letter of a creation again.
func (c *comparison) planAdoption(ctx context.Context, r *record.Record) (Plan, error) {
	position, ok := failedAttempt(r)
	if !ok {
		return Plan{}, ErrChanged
	}
	o, err := c.Events.Original(ctx, position)
	switch {
	case errors.Is(err, streams.ErrGone):
		return Plan{}, ErrChanged
	case err != nil:
		return Plan{}, err
	}
	d, err := c.DeadLetters.Get(ctx, c.Name, o.Event.Type(), o.Key())
	switch {
	case errors.Is(err, streams.ErrNoDeadLetter):
		return Plan{}, ErrChanged
	case err != nil:
		return Plan{}, fmt.Errorf("dead letter of %s: %w", o.Key(), err)
	}
	return Plan{Letter: &d}, nil
}

// email returns the e-mail in the data of an event, if there is one.
func email(e events.Event) string {
	var d struct {
		Email string `json:"email"`
	}
	if json.Unmarshal(e.Data(), &d) != nil {
		return ""
	}
	return d.Email
}
