package mailbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// Guard decides whether an account may be deleted now.
type Guard interface {
	// Removal counts and decides about a removal.
	Removal(ctx context.Context, r deletionguard.Removal) (deletionguard.Verdict, error)
	// Holds reports whether deletions are held at present, without asking any server.
	Holds() bool
	// Approved reports whether the removal of the user with a digest is approved, without asking any server.
	Approved(digest string) bool
	// Dropped returns the time before which all registered removals are dropped, without asking any
	// server; zero: none is.
	Dropped() time.Time
	// ApprovedUsers returns the digests of all such users, and a channel that is closed at the next approval.
	ApprovedUsers() (digests []string, next <-chan struct{})
	// Released returns a channel that is closed at the end of the present or the next hold.
	Released() <-chan struct{}
}

// heldLook is the least time between two looks at a held deletion. Approved and dropped
// deletions do not wait for the look; see Mailboxes.Wake and record.Owner.
const heldLook = 5 * time.Minute

// deletions knows the verdicts of the guard in a turn.
type deletions struct {
	*parts
	digest   string // of the user
	hand     *hand
	verdicts map[effectID]deletionguard.Verdict
}

// verdict returns the decision of the guard about an effect. The guard is not asked about deletions
// that may have been made already or that a rule of the team forbids. An effect of another type is
// held only if the rules of the team have found that a user leaves; see mayRemove.
func (d *deletions) verdict(e *record.Effect) (v deletionguard.Verdict, known bool) {
	h := d.handlers[e.Type]
	forbidden := h.Removes && !d.config.Rules.Changes(h) || (e.Later && d.config.Rules.DeleteAfter == 0)
	if d.deps.Guard == nil || !h.Removes && !e.Held || e.Unconfirmed || forbidden {
		return deletionguard.Proceed, true
	}
	v, known = d.verdicts[idOf(e)]
	return v, known
}

// errHeld and errDropped are the answers of mayRemove about a removal that must not be made.
var (
	errHeld    = errors.New("the deletion guard holds the removal of the account")
	errDropped = errors.New("a person dropped the deletions that were on hold")
)

// mayRemove asks the guard about a removal found by an attempt, such as of a user who leaves the
// scope. A removal that may have been made already proceeds.
func (d *deletions) mayRemove(ctx context.Context, e *record.Effect) error {
	if d.deps.Guard == nil || e.Unconfirmed || d.config.Rules.Shadow {
		return nil
	}
	switch d.ask(ctx, e) {
	case deletionguard.Proceed:
		return nil
	case deletionguard.Discard:
		return errDropped
	default:
		return errHeld
	}
}

// ask asks the guard about a removal. A removal is held while the guard cannot answer. A
// deletion in hand counts from the publication: a drop of the held deletions drops earlier
// published ones too, even if they were not read yet. A replay counts from its own registration:
// a dropped deletion may be sent back.
func (d *deletions) ask(ctx context.Context, e *record.Effect) deletionguard.Verdict {
	r := deletionguard.Removal{First: e.Registered, User: d.digest}
	if e.Later && e.Replay == 0 { // deletions dropped within the grace are others
		r.First = r.First.Add(d.config.Rules.DeleteAfter)
	}
	if a := d.hand.of(e); a != nil && e.Replay == 0 && a.event.Message.Stored.Before(r.First) {
		r.First = a.event.Message.Stored
	}
	if e.Replay > 0 || !d.handlers[e.Type].Removes {
		r.Key = fmt.Sprintf("%x %d", e.Key, e.Replay)
	}
	verdict, err := d.deps.Guard.Removal(ctx, r)
	if err != nil {
		verdict = deletionguard.Hold
		d.deps.Log.Warn().Err(err).Str("vendor", d.vendor.Name).Msg("the deletion guard cannot be asked: the deletion waits")
	}
	if d.verdicts == nil {
		d.verdicts = map[effectID]deletionguard.Verdict{}
	}
	d.verdicts[idOf(e)] = verdict
	return verdict
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
