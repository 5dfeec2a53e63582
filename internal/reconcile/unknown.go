package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// candidate is a record without an account, of a user with an unfinished or failed creation.
type candidate struct {
	record   string // key
	revision uint64
	user     string
	position events.Position // of the creation
	pending  bool            // whether the creation is unfinished; otherwise failed
	key      string          // of the event
	twin     bool            // whether another candidate has the same e-mail
}

// checkUnknown checks the accounts without a record. Only the e-mail identifies the user, and
// only if a creation with the same e-mail is pending or has failed.
func (c *comparison) checkUnknown(ctx context.Context) error {
	if len(c.unknown) == 0 {
		return nil
	}
	var open []candidate
	for e, err := range c.Records.List(ctx, c.Name) {
		if err != nil {
			return err
		}
		if id, _, ok := accountOf(e.Record); ok {
			if _, listed := c.unknown[id]; listed {
				delete(c.unknown, id)
				c.report.Changed++
			}
			continue
		}
		if position, pending, ok := openCreation(e.Record); ok {
			open = append(open, candidate{record: e.Key, revision: e.Revision, user: e.Record.UserID, position: position, pending: pending})
		}
	}
	byEmail, err := c.readCreations(ctx, open)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(c.unknown)) {
		if err := c.matchUnknown(ctx, c.unknown[id], byEmail); err != nil {
			return err
		}
	}
	return nil
}

// openCreation returns the position of a pending creation, or of the newest failed lifecycle
// event, possibly a creation. ok is false without either.
func openCreation(r *record.Record) (position events.Position, pending, ok bool) {
	for _, e := range slices.Backward(r.Pending) {
		if e.Type == events.UserCreated && !e.Position.Before(r.Lifecycle) {
			return e.Position, true, true
		}
	}
	position, ok = failedAttempt(r)
	return position, false, ok
}

// failedAttempt returns the position of the newest failed lifecycle event, unless a newer
// lifecycle event was applied.
func failedAttempt(r *record.Record) (events.Position, bool) {
	return r.Attempted, r.Attempted != events.Position{} && !r.Attempted.Before(r.Lifecycle)
}

// readCreations reads the creations of the candidates, and returns the candidates by e-mail.
func (c *comparison) readCreations(ctx context.Context, open []candidate) (map[string]candidate, error) {
	byEmail := map[string]candidate{}
	for n, one := range open {
		c.Progress("unfinished creations", n+1)
		o, err := c.Events.Original(ctx, one.position.Epoch, one.position.Seq)
		if errors.Is(err, bus.ErrGone) || (err == nil && o.Event.Type() != events.UserCreated) {
			continue
		}
		if err != nil {
			return nil, err
		}
		address := vendors.NormalEmail(email(o.Event))
		other, twin := byEmail[address]
		one.key = o.Key()
		one.twin = twin && (other.twin || other.record != one.record)
		byEmail[address] = one
	}
	return byEmail, nil
}

func (c *comparison) matchUnknown(ctx context.Context, l vendors.Listed, byEmail map[string]candidate) error {
	d := Difference{Kind: Unknown, AccountID: l.ID, Email: l.Email}
	one, ok := byEmail[vendors.NormalEmail(l.Email)]
	switch {
	case l.Staff:
		c.report.Staff++
		return nil
	case !ok || l.Email == "": // no creation to match
	case one.twin:
		d.Note = "the creations of several users have the e-mail of the account"
	case one.pending:
		c.report.OnTheWay++
		return nil
	default:
		letter, err := c.Events.DeadLetterOf(ctx, c.Name, events.UserCreated, one.key)
		if err != nil && !errors.Is(err, bus.ErrNoDeadLetter) {
			return err
		}
		d.UserID = one.user
		d.record = one.record
		d.revision = one.revision
		switch {
		case err != nil:
			d.Note = "the user.created failed, and the dead letter was dropped: send user.created again"
		case letter.Replaying > 0 || c.sent[one.key]:
			c.report.OnTheWay++
			return nil
		case letter.Replay >= c.MaxReplays:
			d.Note = "the user.created reached the limit of replays: usher dead show " + letter.ID()
		default:
			d.Repair = Adopt
		}
	}
	c.report.Differences = append(c.report.Differences, d)
	return nil
}
