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

// ErrChanged means that a difference is no longer as reported.
var ErrChanged = errors.New("the account has changed since the comparison: compare again")

// Plan lists the messages that repair a difference, in order.
type Plan struct {
	Repairs []streams.Repair
	Letter  *streams.DeadLetter // replayed, instead
	Lost    int                 // enrolments and updates of a missing account whose events are no longer kept
}

// PlanFor returns the plan for a difference, or ErrChanged if the record has changed since. A
// later change is safe: the owner of the vendor reads the record again during the repair.
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
	case note != "" || p.repair != d.Repair:
		return Plan{}, ErrChanged
	}
	all := Plan{}
	if p.repair == Provision {
		if all, err = c.planRest(ctx, e.Record, d.AccountID); err != nil {
			return Plan{}, err
		}
	}
	all.Repairs = append(all.Repairs, c.repair(p.original, e.Record, d.AccountID))
	return all, nil
}

// plan is the repair by the last creation, deletion or restoration of an account.
type plan struct {
	repair   Repair
	key      string // of the event
	email    string
	original streams.Original
}

// plan returns the repair by the last applied lifecycle event. note is the reason if the event
// cannot be sent again.
func (c *comparison) plan(ctx context.Context, r *record.Record) (p plan, note string, err error) {
	repair := Provision
	kinds := []string{events.UserCreated, events.UserRestored}
	if r.State == record.Deleted {
		repair = Delete
		kinds = []string{events.UserDeleted}
	}
	if r.Lifecycle == (events.Position{}) {
		return p, "the account was found at the vendor without a stored creation: send " + kinds[0], nil
	}
	o, err := c.Events.Original(ctx, r.Lifecycle)
	switch {
	case errors.Is(err, streams.ErrGone):
		return p, "the event is no longer stored: send " + kinds[0] + " again", nil
	case err != nil:
		return p, "", err
	case !slices.Contains(kinds, o.Event.Type()):
		return p, "the last event is a " + o.Event.Type() + ": send " + kinds[0], nil
	}
	p = plan{key: o.Key(), email: email(o.Event), original: o}
	if events.Expired(o.Event, time.Now()) {
		return p, "the event has expired: send " + kinds[0] + " again", nil
	}
	d, err := c.DeadLetters.Get(ctx, c.Name, o.Event.Type(), p.key)
	switch {
	case err == nil:
		return p, "an earlier repair failed: usher dead show " + d.ID(), nil
	case !errors.Is(err, streams.ErrNoDeadLetter):
		return p, "", err
	}
	p.repair = repair
	return p, "", nil
}

// planRest plans to repeat the enrolments of a missing account, and an update newer than the
// account: without the update the new account would have the data of the creation. Both are sent
// before the creation, and wait for the creation. If the creation is never sent, the account is
// still missing, and a further comparison plans everything again.
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
	return streams.Repair{Original: o, Vendor: c.Name, Account: account, Replay: record.NextReplay(r, record.KeyOf(o.Key()), o.Position)}
}

// planAdoption returns the plan to replay the dead letter of a failed creation.
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
		return Plan{}, fmt.Errorf("read dead letter of %s: %w", o.Key(), err)
	}
	return Plan{Letter: &d}, nil
}

// email returns the e-mail in the data of an event, or an empty string.
func email(e events.Event) string {
	var d struct {
		Email string `json:"email"`
	}
	e, _ = events.Clean(e)
	if json.Unmarshal(e.Data(), &d) != nil {
		return ""
	}
	return d.Email
}
