package mailbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// Guard decides whether an account may be deleted now.
type Guard interface {
	// Deletion decides about a deletion that was published, or registered, at the time first.
	Deletion(ctx context.Context, first time.Time) (deletionguard.Verdict, error)
	// Holds reports whether deletions are held at present, without asking any server.
	Holds() bool
	// Released returns a channel that is closed at the end of the present or the next hold.
	Released() <-chan struct{}
}

// heldLook is the least time between two looks at a held deletion. Approved and dropped
// deletions do not wait for the look; see Mailboxes.Wake and record.Owner.
const heldLook = 5 * time.Minute

// deletions knows the verdicts of the guard in a turn.
type deletions struct {
	*parts
	hand     *hand
	verdicts map[effectID]deletionguard.Verdict
}

// verdict returns the decision of the guard about an effect. The guard is not asked about effects that
// are no deletions and were never held, about deletions that may have been made already, and about
// deletions that a rule of the team forbids.
func (d *deletions) verdict(e *record.Effect) (v deletionguard.Verdict, known bool) {
	h := d.handlers[e.Type]
	if !d.guards(e) || (!h.Removes && !e.Held) || (h.Removes && !d.config.Rules.Changes(h)) || (e.Later && d.config.Rules.DeleteAfter == 0) {
		return deletionguard.Proceed, true
	}
	v, known = d.verdicts[idOf(e)]
	return v, known
}

// guards reports whether the guard decides about an effect that takes an account away.
func (d *deletions) guards(e *record.Effect) bool { return d.deps.Guard != nil && !e.Unconfirmed }

// errHeld says that the deletion guard holds a change.
var errHeld = errors.New("the deletion guard holds the change")

// approve asks the guard about an effect that takes an account away and is no deletion: only the
// attempt finds that out. From the first hold on, the effect is looked at like a deletion.
func (d *deletions) approve(ctx context.Context, e *record.Effect) error {
	if !d.guards(e) {
		return nil
	}
	if _, known := d.verdicts[idOf(e)]; !known {
		d.ask(ctx, e)
	}
	switch d.verdicts[idOf(e)] {
	case deletionguard.Hold:
		return errHeld
	case deletionguard.Discard:
		return errDropped
	}
	return nil
}

// ask asks the guard about a deletion. A deletion is held while the guard cannot answer. A
// deletion in hand counts from the publication: a drop of the held deletions drops earlier
// published ones too, even if they were not read yet.
func (d *deletions) ask(ctx context.Context, e *record.Effect) {
	first := e.Registered
	if e.Later && e.Replay == 0 { // deletions dropped within the grace are others
		first = first.Add(d.config.Rules.DeleteAfter)
	}
	if a := d.hand.of(e); a != nil && a.event.Message.Stored.Before(first) {
		first = a.event.Message.Stored
	}
	verdict, err := d.deps.Guard.Deletion(ctx, first)
	if err != nil {
		verdict = deletionguard.Hold
		d.deps.Log.Warn().Err(err).Str("vendor", d.vendor.Name).Msg("the deletion guard cannot be asked: the deletion waits")
	}
	if d.verdicts == nil {
		d.verdicts = map[effectID]deletionguard.Verdict{}
	}
	d.verdicts[idOf(e)] = verdict
}

// heldUntil returns the time of the next look at a held deletion. The time is near if the hold
// has ended since, or if the guard could not be asked.
func (d *deletions) heldUntil(now time.Time) time.Time {
	if !d.deps.Guard.Holds() {
		return now.Add(d.config.RetryMin + rand.N(d.config.RetryMin))
	}
	wait := max(d.config.HoldRetry, heldLook)
	return now.Add(wait + rand.N(wait/4))
}
