package ops

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/streams"
)

// DefaultApproval is the time of an approval without a time of its own.
const DefaultApproval = time.Hour

// ApproveOptions are the options of ApproveDeletions. Drop and End exclude each other, For and User.
type ApproveOptions struct {
	Vendor string        // only at this vendor; empty: at all vendors
	User   string        // only the deletions of the user with this id, if some are on hold; the hold of the others goes on
	For    time.Duration // hold no deletion for this time, even if none is on hold now
	Drop   bool          // turn the deletions on hold into dead letters
	End    bool          // end an approval early
}

// Approval is the outcome of ApproveDeletions at all vendors, or at one.
type Approval struct {
	Vendor  string     `json:"vendor,omitempty"`  // empty: all vendors
	User    string     `json:"user_id,omitempty"` // empty: all users
	Was     string     `json:"was"`               // reason of the hold; empty: there was no hold
	Since   time.Time  `json:"since,omitzero"`    // start of the hold
	Until   time.Time  `json:"until,omitzero"`    // end of the approval
	Drop    bool       `json:"drop,omitempty"`    // the deletions become dead letters
	Ended   time.Time  `json:"ended,omitzero"`    // former end of an approval that was ended early
	Vendors []Approval `json:"vendors,omitempty"` // of all vendors: the vendors with a hold or an approval of their own
	end     bool       // ApproveOptions.End
	others  bool       // a hold of all vendors goes on at the others
}

// Nothing reports whether nothing was changed, at any vendor.
func (a Approval) Nothing() bool { return a.none() && len(a.Vendors) == 0 }

// none reports whether there was nothing to change, beside the vendors in Vendors.
func (a Approval) none() bool { return a.Was == "" && a.Until.IsZero() && a.Ended.IsZero() }

// ApproveDeletions changes the records of the deletion guard. The action is recorded in the audit
// log first. If there is nothing to change, nothing is recorded.
func (s *Service) ApproveDeletions(ctx context.Context, o ApproveOptions, by Actor) (Approval, error) {
	if o.User != "" {
		return s.approveUser(ctx, o, by)
	}
	control, err := s.Streams.Control.Records(ctx)
	if err != nil {
		return Approval{}, err
	}
	guards, err := s.guards(ctx)
	if err != nil {
		return Approval{}, err
	}
	now := time.Now()
	done := o.apply(guards, now)
	if done.none() && len(done.Vendors) == 0 {
		return done, nil
	}
	if err := s.Streams.Audit.Record(ctx, s.Config.Source, o.action(done, by)); err != nil {
		return Approval{}, err
	}
	for _, one := range append([]Approval{done}, done.Vendors...) {
		if one.none() {
			continue
		}
		at := o
		at.Vendor = one.Vendor
		if _, err := deletionguard.Change(ctx, control, guardKey(one.Vendor), func(r *deletionguard.Record) { at.change(r, guards.all, now) }); err != nil {
			return Approval{}, err
		}
	}
	return done, nil
}

// apply returns the outcome, and changes only copies. Options for all vendors change the vendors
// with a hold, or for End with an approval, of their own, too.
func (o ApproveOptions) apply(g guards, now time.Time) Approval {
	if o.Vendor != "" {
		r := g.vendors[o.Vendor]
		return o.change(&r, g.all, now)
	}
	all := g.all
	done := o.change(&all, g.all, now)
	for _, name := range g.names() {
		r, at := g.vendors[name], o
		at.Vendor = name
		if held := r.Why != ""; held && !o.End || o.End && now.Before(r.Approved) {
			done.Vendors = append(done.Vendors, at.change(&r, g.all, now))
		}
	}
	return done
}

// action returns the action for the audit log.
func (o ApproveOptions) action(done Approval, by Actor) streams.Action {
	kind := streams.DeletionsApproved
	if o.Drop {
		kind = streams.DeletionsDropped
	}
	act := by.action(kind)
	act.Vendor, act.Until = cmp.Or(o.Vendor, "all"), done.Until
	if done.none() {
		act.Until = done.Vendors[0].Until
	}
	if o.End {
		act.Until = act.At
	}
	return act
}

// change changes a record of the deletion guard by the options. A hold over all vendors counts at
// each vendor.
func (o ApproveOptions) change(r *deletionguard.Record, all deletionguard.Record, now time.Time) Approval {
	done := Approval{Vendor: o.Vendor, Was: r.Why, Since: r.Held, Drop: o.Drop}
	if r.Why == "" {
		done.Was, done.Since = all.Why, all.Held
	}
	done.others = o.Vendor != "" && all.Why != ""
	switch {
	case o.End:
		done = Approval{Vendor: o.Vendor, end: true}
		if now.Before(r.Approved) {
			done.Ended = r.Approved
		}
		r.EndApproval(now)
	case o.Drop && done.Was != "":
		r.Discard(now)
	case o.Drop:
	case o.For > 0 || done.Was != "":
		done.Until = now.Add(cmp.Or(o.For, DefaultApproval))
		r.Approve(done.Until)
	}
	return done
}

// String returns the outcome, in lines.
func (a Approval) String() string {
	var lines []string
	if !a.none() || len(a.Vendors) == 0 {
		lines = append(lines, a.text())
	}
	for _, one := range a.Vendors {
		lines = append(lines, one.text())
	}
	return strings.Join(lines, "\n")
}

// text returns the outcome at all vendors, or at one.
func (a Approval) text() string {
	at := ""
	if a.Vendor != "" {
		at = " at " + a.Vendor
	}
	var before string
	if a.Was != "" {
		before = fmt.Sprintf("deletions%s were on hold since %s: %s\n", at, a.Since.UTC().Format(time.RFC3339), a.Was)
	}
	switch {
	case a.User != "":
		return a.userText(at)
	case a.none() && a.Drop:
		return "no deletion is on hold" + at + ": nothing was dropped"
	case a.none() && a.end:
		return "no approval is in force" + at + ", and nothing was changed"
	case a.none():
		return "no deletion is on hold" + at + ", and nothing was changed"
	case !a.Ended.IsZero():
		return "the approval of deletions" + at + " is over, instead of at " + a.Ended.UTC().Format(time.RFC3339) + ": deletions beyond the limits are held again"
	case a.Drop:
		return before + "the deletions" + at + " registered before now become dead letters: see usher dead list --class dropped" + a.ofOthers()
	case before == "":
		before = "deletions" + at + " were not on hold\n"
	}
	return before + "they go on, and none is held until " + a.Until.UTC().Format(time.RFC3339) + a.ofOthers()
}

// ofOthers returns the line about a hold of all vendors.
func (a Approval) ofOthers() string {
	if !a.others {
		return ""
	}
	return "\nthe hold of all vendors goes on, also for later deletions: usher approve deletions, without --vendor, ends the hold"
}

// HoldsDeletions reports whether the deletion guard holds deletions, at all vendors or at one.
func (s Status) HoldsDeletions() bool {
	return s.Deletions != nil || slices.ContainsFunc(s.Vendors, func(v VendorStatus) bool { return v.Deletions != nil })
}

// Obstacles returns the reasons why effects at vendors may not go on, in the order of the vendors: pauses, holds,
// missing processes, and held deletions.
func (s Status) Obstacles(vendors []string) (reasons []string) {
	for _, v := range s.Vendors {
		if !slices.Contains(vendors, v.Vendor) {
			continue
		}
		if slices.Contains([]string{Paused, OnHold, Stalled}, v.State) {
			reasons = append(reasons, strings.TrimSuffix(v.Vendor+" is "+v.State+": "+v.Why, ": "))
		}
		if v.Deletions != nil || s.Deletions != nil {
			reasons = append(reasons, "deletions at "+v.Vendor+" are held: usher approve deletions --vendor "+v.Vendor+" --list")
		}
	}
	return reasons
}
