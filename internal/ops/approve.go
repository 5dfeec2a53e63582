package ops

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/streams"
)

// DefaultApproval is the time of an approval without a time of its own.
const DefaultApproval = time.Hour

// ApproveOptions are the options of ApproveDeletions. Drop and End exclude each other and For.
type ApproveOptions struct {
	For  time.Duration // hold no deletion for this time, even if none is on hold now
	Drop bool          // turn the deletions on hold into dead letters
	End  bool          // end an approval early
}

// Approval is the outcome of ApproveDeletions.
type Approval struct {
	Was   string    `json:"was"`            // reason of the hold; empty: there was no hold
	Since time.Time `json:"since,omitzero"` // start of the hold
	Until time.Time `json:"until,omitzero"` // end of the approval
	Drop  bool      `json:"drop,omitempty"` // the deletions become dead letters
	Ended time.Time `json:"ended,omitzero"` // former end of an approval that was ended early
	end   bool      // ApproveOptions.End
}

// none reports whether there was nothing to change.
func (a Approval) none() bool { return a.Was == "" && a.Until.IsZero() && a.Ended.IsZero() }

// ApproveDeletions changes the record of the deletion guard. The action is recorded in the audit
// log first. If there is nothing to change, nothing is recorded.
func (s *Service) ApproveDeletions(ctx context.Context, o ApproveOptions, by Actor) (Approval, error) {
	store, err := s.Streams.Control.Records(ctx)
	if err != nil {
		return Approval{}, err
	}
	now := time.Now()
	record, err := deletionguard.Read(ctx, store)
	if err != nil {
		return Approval{}, err
	}
	done := o.change(&record, now) // on a copy, to see if there is anything to change
	if done.none() {
		return done, nil
	}
	if err := s.Streams.Audit.Record(ctx, s.Config.Source, o.action(done, by)); err != nil {
		return Approval{}, err
	}
	_, err = deletionguard.Change(ctx, store, func(r *deletionguard.Record) { done = o.change(r, now) })
	return done, err
}

// action returns the action for the audit log.
func (o ApproveOptions) action(done Approval, by Actor) streams.Action {
	kind := streams.DeletionsApproved
	if o.Drop {
		kind = streams.DeletionsDropped
	}
	act := by.action(kind)
	act.Vendor, act.Until = "all", done.Until
	if o.End {
		act.Until = act.At
	}
	return act
}

// change changes the record of the deletion guard by the options.
func (o ApproveOptions) change(r *deletionguard.Record, now time.Time) Approval {
	done := Approval{Was: r.Why, Since: r.Held, Drop: o.Drop}
	switch {
	case o.End:
		done = Approval{end: true}
		if now.Before(r.Approved) {
			done.Ended = r.Approved
		}
		r.EndApproval(now)
	case o.Drop:
		r.Discard(now)
	case o.For > 0 || r.Why != "":
		done.Until = now.Add(cmp.Or(o.For, DefaultApproval))
		r.Approve(done.Until)
	}
	return done
}

// String returns the outcome, in lines.
func (a Approval) String() string {
	var before string
	if a.Was != "" {
		before = fmt.Sprintf("deletions were on hold since %s: %s\n", a.Since.UTC().Format(time.RFC3339), a.Was)
	}
	switch {
	case a.none() && a.Drop:
		return "no deletion is on hold: nothing was dropped"
	case a.none() && a.end:
		return "no approval is in force, and nothing was changed"
	case a.none():
		return "no deletion is on hold, and nothing was changed"
	case !a.Ended.IsZero():
		return "too many deletions are held again; none would have been until " + a.Ended.UTC().Format(time.RFC3339)
	case a.Drop:
		return before + "the deletions registered before now become dead letters: see usher dead list --class dropped"
	case before == "":
		before = "deletions were not on hold\n"
	}
	return before + "they go on, and none is held until " + a.Until.UTC().Format(time.RFC3339)
}
