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

// errUnguarded says that the deletion guard has to be asked before the claim is stored: a
// held deletion takes neither a share of the rate nor a call.
var errUnguarded = errors.New("the deletion guard was not asked yet")

// heldLook is the least time between two looks at a held deletion. Approved and dropped
// deletions do not wait for it; see Mailboxes.Wake and record.Owner.
const heldLook = 5 * time.Minute

// next decides the next step. A deletion that the guard holds gives its claim back before
// anything is stored, and the effect behind it is chosen.
func (t *turn) next(r *record.Record, now time.Time, o record.Owner) (record.Decision, error) {
	o.HeldDue = t.deps.Guard != nil && !t.deps.Guard.Holds()
	for {
		d := r.Next(now, o)
		if d.Action != record.Call {
			return d, nil
		}
		switch verdict, known := t.verdict(&d.Effect); {
		case !known:
			return d, errUnguarded
		case verdict == deletionguard.Hold:
			r.Postpone(record.Attempt{Key: d.Effect.Key, Replay: d.Effect.Replay, Nonce: o.Nonce}, record.Pause{Held: true, Due: t.heldUntil(now)})
			o.HeldDue = false
		case verdict == deletionguard.Proceed && !t.admitted:
			return d, errAdmission
		default:
			return d, nil
		}
	}
}

// verdict returns what the guard has decided about an effect. It is known to be Go for all
// but deletions, and for a deletion that may have been made already.
func (t *turn) verdict(e *record.Effect) (v deletionguard.Verdict, known bool) {
	if t.deps.Guard == nil || !t.handlers[e.Type].Removes || e.Unconfirmed {
		return deletionguard.Proceed, true
	}
	v, known = t.verdicts[effectID{e.Key, e.Replay}]
	return v, known
}

// askGuard asks the guard about a deletion. A deletion is held while the guard cannot tell.
// A deletion in hand counts from its publication: dropping the held ones drops those too that
// were published before and not read yet.
func (t *turn) askGuard(ctx context.Context, e *record.Effect) {
	first := e.Registered
	if a := t.arrivalOf(e); a != nil && a.event.Message.Stored.Before(first) {
		first = a.event.Message.Stored
	}
	verdict, err := t.deps.Guard.Deletion(ctx, first)
	if err != nil {
		verdict = deletionguard.Hold
		t.deps.Log.Warn().Err(err).Str("vendor", t.vendor.Name).Msg("the deletion guard cannot be asked: the deletion waits")
	}
	if t.verdicts == nil {
		t.verdicts = map[effectID]deletionguard.Verdict{}
	}
	t.verdicts[effectID{e.Key, e.Replay}] = verdict
}

// heldUntil returns the time of the next look at a deletion that is held now. If the hold has
// ended since, or if the guard could not be asked, the time is near.
func (t *turn) heldUntil(now time.Time) time.Time {
	if !t.deps.Guard.Holds() {
		return now.Add(t.config.RetryMin + rand.N(t.config.RetryMin))
	}
	wait := max(t.config.HoldRetry, heldLook)
	return now.Add(wait + rand.N(wait/4))
}
