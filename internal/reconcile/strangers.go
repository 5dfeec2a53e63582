package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// candidate is a record without an account, of a user whose creation was asked for.
type candidate struct {
	record   string // key
	revision uint64
	user     string
	position events.Position // of the creation
	pending  bool            // the creation is not finished; otherwise it has failed
	key      string          // of the event
	twin     bool            // another candidate has the same e-mail
}

// judgeStrangers judges the accounts that no record named. Only the e-mail can tell whose
// an account is, and only if a creation with that e-mail is pending or has failed.
func (c *comparison) judgeStrangers(ctx context.Context) error {
	if len(c.strangers) == 0 {
		return nil
	}
	var open []candidate
	for e, err := range c.Records.List(ctx, c.Name) {
		if err != nil {
			return err
		}
		if id, _, ok := named(e.Record); ok {
			if _, stranger := c.strangers[id]; stranger {
				delete(c.strangers, id)
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
	for _, id := range slices.Sorted(maps.Keys(c.strangers)) {
		if err := c.judgeStranger(ctx, c.strangers[id], byEmail); err != nil {
			return err
		}
	}
	return nil
}

// openCreation returns the position of a creation that is pending, or of the newest
// lifecycle event that has failed, which may be a creation. ok is false if there is neither.
func openCreation(r *record.Record) (position events.Position, pending, ok bool) {
	for _, e := range slices.Backward(r.Pending) {
		if e.Type == events.UserCreated && !e.Position.Before(r.Lifecycle) {
			return e.Position, true, true
		}
	}
	position, ok = failedAttempt(r)
	return position, false, ok
}

// failedAttempt returns the position of the newest lifecycle event that has failed, if none
// was applied since.
func failedAttempt(r *record.Record) (events.Position, bool) {
	return r.Attempted, r.Attempted != events.Position{} && !r.Attempted.Before(r.Lifecycle)
}

// readCreations reads the creations of the candidates, and returns the candidates by e-mail.
func (c *comparison) readCreations(ctx context.Context, open []candidate) (map[string]candidate, error) {
	byEmail := map[string]candidate{}
	for n, one := range open {
		c.Progress("creations that are not done", n+1)
		o, err := c.Events.Original(ctx, one.position)
		if errors.Is(err, streams.ErrGone) || (err == nil && o.Event.Type() != events.UserCreated) {
			continue
		}
		if err != nil {
			return nil, err
		}
		address := vendors.NormalEmail(email(o.Event))
		other, twin := byEmail[address]
		one.key, one.twin = o.Key(), twin && (other.twin || other.record != one.record)
		byEmail[address] = one
	}
	return byEmail, nil
}

func (c *comparison) judgeStranger(ctx context.Context, l vendors.Listed, byEmail map[string]candidate) error {
	d := Difference{Kind: Unknown, AccountID: l.ID, Email: l.Email}
	one, ok := byEmail[vendors.NormalEmail(l.Email)]
	switch {
	case l.Staff:
		c.report.Staff++
		return nil
	case !ok || l.Email == "":
	case one.twin:
		d.Note = "the creations of several users have its e-mail"
	case one.pending:
		c.report.OnTheWay++
		return nil
	default:
		letter, err := c.DeadLetters.Get(ctx, c.Name, events.UserCreated, one.key)
		if err != nil && !errors.Is(err, streams.ErrNoDeadLetter) {
			return err
		}
		d.UserID, d.record, d.revision = one.user, one.record, one.revision
		switch {
		case err != nil:
			d.Note = "its user.created failed, and the dead letter was dropped: send user.created again"
		case letter.Replaying > 0 || c.sent[one.key]:
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
