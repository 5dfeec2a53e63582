package mailbox

import (
	"context"
	"errors"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// abandonOverdue ends the effects whose wait for an account is over, if the last look-up for
// the user found none: one look-up answers for all of them. It returns errUnburied until the
// dead letters are stored, and true if others have to wait for a further write.
func (t *turn) abandonOverdue(r *record.Record) (again bool, err error) {
	t.overdue = r.Overdue(t.user.noAccount, t.config.PrerequisiteWait)
	for i := range t.overdue {
		e := &t.overdue[i]
		if _, ok := t.user.missed[effectID{e.Key, e.Replay}]; !ok {
			return false, errUnburied
		}
	}
	for i := range t.overdue {
		e := &t.overdue[i]
		r.Abandon(e.Key, e.Replay, t.user.missed[effectID{e.Key, e.Replay}])
	}
	return len(t.overdue) > 0 && len(r.Finished) >= record.MostFinished, nil
}

// buryOverdue stores the dead letters of the overdue effects.
func (t *turn) buryOverdue(ctx context.Context) error {
	for i := range t.overdue {
		e := &t.overdue[i]
		id := effectID{e.Key, e.Replay}
		if _, ok := t.user.missed[id]; ok {
			continue
		}
		o := record.Outcome{Kind: events.Failed, At: t.now(), Class: classPrerequisite, Message: message(handlers.ErrNoAccount)}
		event, err := t.event(ctx, e)
		if errors.Is(err, ErrGone) {
			event, o.Class, o.Message = t.gone(e), classExpired, goneMessage
			err = nil
		}
		if err == nil {
			err = t.bury(ctx, event, e, o)
		}
		if err != nil {
			return err
		}
		if t.user.missed == nil {
			t.user.missed = map[effectID]record.Outcome{}
		}
		t.user.missed[id] = o
	}
	return nil
}
