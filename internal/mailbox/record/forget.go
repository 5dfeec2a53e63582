package record

import (
	"time"

	"github.com/usherhq/usher/events"
)

// Forget erases the user's data from the record. The rest prevents a late event from bringing
// the user back: every event before fence counts as older than a deletion, and stays registered.
// An event at fence is new. Finished events stay known by hashes. Pending effects and the claim
// are dropped; an attempt in flight then finds no place for the outcome.
func (r *Record) Forget(fence events.Position, now time.Time) {
	kept := Record{
		Lifecycle: later(r.Lifecycle, fence), Deleted: later(r.Deleted, fence), Registered: later(r.Registered, before(fence)),
		LifecycleReplay: r.LifecycleReplay, Token: r.Token, Seen: r.Seen, Sent: r.Sent, Forgotten: now,
	}
	if r.Lifecycle.Before(fence) {
		kept.LifecycleReplay = 0
	}
	if r.State == Deleted {
		kept.State = Deleted // otherwise a later deletion asks the vendor
	}
	*r = kept
}

// before returns the position right before p.
func before(p events.Position) events.Position {
	if p.Seq > 0 {
		p.Seq--
	}
	return p
}

// Reaches reports whether a record knows of an event at or behind fence.
func Reaches(r *Record, fence events.Position) bool {
	for _, c := range r.Courses {
		if !c.Position.Before(fence) {
			return true
		}
	}
	return !r.Registered.Before(fence) || !r.Lifecycle.Before(fence) || !r.Data.Before(fence)
}

// Anonymous reports whether a record was forgotten and has learned nothing since.
func Anonymous(r *Record) bool {
	return !r.Forgotten.IsZero() && r.UserID == "" && r.AccountID == "" && r.Former == "" && r.Claim == nil &&
		len(r.Courses) == 0 && len(r.Pending) == 0 && len(r.Finished) == 0
}
