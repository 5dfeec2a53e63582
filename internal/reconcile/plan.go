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
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
)

// ErrChanged is returned for a difference that is no longer as it was reported.
var ErrChanged = errors.New("it has changed since it was compared")

// Plan is what is sent to put a difference right, in this order.
type Plan struct {
	Repairs []bus.Repair
	Letter  *bus.DeadLetter // sent back, instead
	Lost    int             // enrolments and updates of a missing account whose events are no longer kept
}

// PlanFor returns the plan for a difference, or ErrChanged where the ledger has
// changed since. What is planned does no harm where it changes after that either:
// the worker looks at the record once more when it carries it out.
func PlanFor(ctx context.Context, deps Deps, d Difference) (Plan, error) {
	c := comparison{Deps: deps}
	r, err := c.Ledger.Record(ctx, d.record)
	if err != nil {
		return Plan{}, err
	}
	if r.Revision != d.revision || d.Repair == "" {
		return Plan{}, ErrChanged
	}
	if d.Repair == Adopt {
		return c.planAdoption(ctx, r)
	}
	p, note, err := c.plan(ctx, r)
	switch {
	case err != nil:
		return Plan{}, err
	case note != "" || p.how != d.Repair:
		return Plan{}, ErrChanged
	}
	whole := Plan{}
	if p.how == Provision {
		if whole, err = c.planRest(ctx, r, d.AccountID); err != nil {
			return Plan{}, err
		}
	}
	whole.Repairs = append(whole.Repairs, c.repair(p.original, r, d.AccountID))
	return whole, nil
}

// plan is what the last creation, deletion or restoration of an account says.
type plan struct {
	how      Repair
	key      string // of the event
	email    string
	original bus.Original
}

// plan reads the event behind what a record says of an account. note says why it
// cannot be sent once more.
func (c *comparison) plan(ctx context.Context, r ledger.Record) (p plan, note string, err error) {
	how, kind, also := Provision, events.UserCreated, events.UserRestored
	if r.Account.State == ledger.Deleted {
		how, kind, also = Delete, events.UserDeleted, events.UserDeleted
	}
	if r.Account.Life == (ledger.Order{}) {
		return p, "usher found it there, and has no event that made it: send " + kind, nil
	}
	o, err := c.Events.Original(ctx, r.Account.Life.Epoch, r.Account.Life.Seq)
	switch {
	case errors.Is(err, bus.ErrGone):
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
	d, err := c.Events.DeadLetterOf(ctx, c.Name, o.Event.Type(), p.key)
	switch {
	case err == nil:
		return p, "a repair of it has failed: usher dead show " + d.ID(), nil
	case !errors.Is(err, bus.ErrNoDeadLetter):
		return p, "", err
	}
	p.how = how
	return p, "", nil
}

// planRest plans to make the enrolments of an account that is gone once more, and
// the update that is newer than the account: without it the new one would have the
// data of its creation. They stand before the creation: until it is done they wait
// for it, and should it never be sent, the account is still missing and all is
// planned again.
func (c *comparison) planRest(ctx context.Context, r ledger.Record, account string) (p Plan, err error) {
	var orders []ledger.Order
	for _, name := range slices.Sorted(maps.Keys(r.Account.Courses)) {
		if course := r.Account.Courses[name]; course.Enrolled {
			orders = append(orders, course.Order)
		}
	}
	if r.Account.Life.Before(r.Account.Data) {
		orders = append(orders, r.Account.Data)
	}
	for _, order := range orders {
		o, err := c.Events.Original(ctx, order.Epoch, order.Seq)
		switch {
		case errors.Is(err, bus.ErrGone), err == nil && events.Expired(o.Event, time.Now()):
			p.Lost++
		case err != nil:
			return p, err
		default:
			p.Repairs = append(p.Repairs, c.repair(o, r, account))
		}
	}
	return p, nil
}

func (c *comparison) repair(o bus.Original, r ledger.Record, account string) bus.Repair {
	order := ledger.Order{Epoch: o.Epoch, Seq: o.Seq}
	return bus.Repair{Original: o, Vendor: c.Name, Account: account, Replay: r.Account.NextReplay(o.Key(), order)}
}

// planAdoption finds the dead letter of a creation once more.
func (c *comparison) planAdoption(ctx context.Context, r ledger.Record) (Plan, error) {
	e, ok := failedCreation(r.Account)
	if !ok {
		return Plan{}, ErrChanged
	}
	d, err := c.Events.DeadLetterOf(ctx, c.Name, e.Type, e.Key)
	switch {
	case errors.Is(err, bus.ErrNoDeadLetter):
		return Plan{}, ErrChanged
	case err != nil:
		return Plan{}, fmt.Errorf("dead letter of %s: %w", e.Key, err)
	}
	return Plan{Letter: &d}, nil
}

// email is the address in a creation or a deletion, if it has one.
func email(e events.Event) string {
	var d struct {
		Email string `json:"email"`
	}
	if json.Unmarshal(e.Data(), &d) != nil {
		return ""
	}
	return d.Email
}
