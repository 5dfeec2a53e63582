package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/vendors"
)

// candidate is a record of a user who has no account as far as the ledger knows,
// though their creation was asked for.
type candidate struct {
	record ledger.Record
	effect ledger.Effect
	twin   bool // another one has the same address
}

// judgeStrangers looks at the accounts that no record named. Whose they are only
// their e-mail can tell, and only where a creation with it is not done.
func (c *comparison) judgeStrangers(ctx context.Context) error {
	if len(c.strangers) == 0 {
		return nil
	}
	var open []candidate
	err := c.Ledger.Walk(ctx, ledger.AccountsOf(c.Name), func(r ledger.Record) error {
		if id, _, ok := named(r.Account); ok {
			if _, there := c.strangers[id]; there {
				delete(c.strangers, id)
				c.report.Changed++
			}
			return nil
		}
		if e, ok := openCreation(r.Account); ok {
			r.Account = ledger.Account{UserID: r.Account.UserID} // the rest is not needed
			open = append(open, candidate{record: r, effect: e})
		}
		return nil
	})
	if err != nil {
		return err
	}
	whose, err := c.byEmail(ctx, open)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(c.strangers)) {
		if err := c.judgeStranger(ctx, c.strangers[id], whose); err != nil {
			return err
		}
	}
	return nil
}

// openCreation is the creation of a user that is not done: it has failed, or is
// still to be done.
func openCreation(a ledger.Account) (e ledger.Effect, ok bool) {
	for _, e := range slices.Backward(a.Effects) {
		if e.Type == events.UserCreated && !e.Order.Before(a.Life) && (e.Phase != ledger.Finished || e.Outcome.Kind == events.Failed) {
			return e, true
		}
	}
	return e, false
}

// failedCreation is openCreation where it has failed.
func failedCreation(a ledger.Account) (e ledger.Effect, ok bool) {
	e, ok = openCreation(a)
	return e, ok && e.Phase == ledger.Finished
}

// byEmail reads the addresses of the creations that are not done.
func (c *comparison) byEmail(ctx context.Context, open []candidate) (map[string]candidate, error) {
	whose := map[string]candidate{}
	for n, one := range open {
		c.Progress("creations that are not done", n+1)
		o, err := c.Events.Original(ctx, one.effect.Order.Epoch, one.effect.Order.Seq)
		if errors.Is(err, bus.ErrGone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		address := vendors.NormalEmail(email(o.Event))
		_, one.twin = whose[address]
		whose[address] = one
	}
	return whose, nil
}

func (c *comparison) judgeStranger(ctx context.Context, l vendors.Listed, whose map[string]candidate) error {
	d := Difference{Kind: Unknown, AccountID: l.ID, Email: l.Email}
	one, ok := whose[vendors.NormalEmail(l.Email)]
	switch {
	case l.Staff:
		c.report.Staff++
		return nil
	case !ok || l.Email == "":
	case one.twin:
		d.Note = "the creations of several users have its e-mail"
	case one.effect.Phase != ledger.Finished:
		c.report.OnTheWay++
		return nil
	default:
		letter, err := c.Events.DeadLetterOf(ctx, c.Name, one.effect.Type, one.effect.Key)
		if err != nil && !errors.Is(err, bus.ErrNoDeadLetter) {
			return err
		}
		d.UserID, d.record, d.revision = one.record.Account.UserID, one.record.Key, one.record.Revision
		switch {
		case err != nil:
			d.Note = "its user.created failed, and the dead letter was dropped: send user.created again"
		case letter.Replaying > 0 || c.sent[one.effect.Key]:
			c.report.OnTheWay++
			return nil
		case letter.Replay >= c.MaxReplays:
			d.Note = "its user.created was sent back too often: usher dead show " + letter.ID()
		default:
			d.Repair = Adopt
		}
	}
	c.report.Differences = append(c.report.Differences, d)
	return nil
}
