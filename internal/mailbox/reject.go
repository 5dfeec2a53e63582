package mailbox

import (
	"context"
	"errors"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// errUnburied says that dead letters have to be stored before the record.
var errUnburied = errors.New("dead letters come first")

const overloadMessage = "the user has too many unfinished events at this vendor: replay the dead letter once they are done"

// rejection returns the arrival as the record gets it if it is rejected.
func (a *arrival) rejection() record.Arrival {
	r := a.Arrival
	r.Key = record.KeyOf(a.event.Key)
	return r
}

// reject gives an arrival that the record refuses its outcome. It returns errUnburied
// until the dead letter is stored.
func (t *turn) reject(a *arrival, why record.Refusal, now time.Time) error {
	if a.rejected == nil {
		a.rejected = &record.Outcome{Kind: events.Failed, At: now.UTC(), Class: classOverload, Message: overloadMessage}
		if why.Other != "" {
			a.event.Invalid = reusedID(why.Other)
			a.event.Key = reusedKey(a.event)
			a.rejected.Class, a.rejected.Message = classInvalid, message(a.event.Invalid)
		}
	}
	if !a.buried {
		return errUnburied
	}
	return nil
}

// reusedID returns the fault of an event whose source and id belong to an event of another type.
func reusedID(other string) *events.InvalidError {
	return &events.InvalidError{
		Pointer: "/id", Rule: events.RuleIDOnce,
		Detail: "there is a " + other + " with this source and id: give every event an id of its own",
	}
}

// last returns the last position among arrivals of events.
func last(list []*arrival) (p events.Position) {
	for _, a := range list {
		if a.Replay == 0 && p.Before(a.Position) {
			p = a.Position
		}
	}
	return p
}

// deadLetter names a dead letter that the turn has stored.
type deadLetter struct {
	id        effectID
	eventType string
	eventKey  string
}

// unbury removes the dead letters of effects that ended well meanwhile: a newer owner has
// taken the effects over, and removed the dead letters before they were stored.
func (t *turn) unbury(ctx context.Context) error {
	for _, d := range t.letters {
		if !t.user.stored.record.EndedWell(d.id.key, d.id.replay) {
			continue
		}
		if err := t.deps.DeadLetters.RemoveEnded(ctx, t.vendor.Name, d.eventType, d.eventKey, d.id.replay); err != nil {
			return err
		}
	}
	return nil
}

// buryRejected stores the dead letters of the rejected arrivals.
func (t *turn) buryRejected(ctx context.Context) error {
	for _, a := range t.arrivals {
		if a.rejected == nil || a.buried {
			continue
		}
		e := record.Effect{Key: record.KeyOf(a.event.Key), Replay: a.Replay, Position: a.Position, Type: a.Type, Registered: a.rejected.At}
		if err := t.bury(ctx, a.event, &e, *a.rejected); err != nil {
			return err
		}
		a.buried = true
	}
	return nil
}
