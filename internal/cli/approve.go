package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/usherhq/usher/internal/brake"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// approveCmd holds the commands of usher approve.
type approveCmd struct {
	Deletions approveDeletionsCmd `cmd:"" help:"Approve or drop deletions that are on hold."`
}

// approveDeletionsCmd is usher approve deletions.
type approveDeletionsCmd struct {
	For       time.Duration `help:"Hold no deletion for this time, even if none is on hold now; 1h by default if some are on hold." placeholder:"DURATION"`
	Drop      bool          `help:"Turn the deletions on hold into dead letters."`
	End       bool          `help:"End an approval by --for early: usher holds too many deletions again."`
	List      bool          `help:"List the deletions on hold."`
	app.Actor `embed:""`
	JSON      bool `help:"Print a JSON object; with --list a JSON array."`
}

// Help is shown below the flags.
func (approveDeletionsCmd) Help() string {
	return `If far more users are to be deleted than usual (settings deletions.count and deletions.share), usher
holds all further deletions at all vendors until an approval. Other events go on, and no event is lost.
usher status shows the hold. Dropped deletions are dead letters: usher dead replay can still carry them out.
Without deletions on hold the command does nothing, unless --for is set.
--list reads all records. An approved deletion stays in the list until it is carried out.

Examples:
  usher approve deletions --list
  usher approve deletions --reason "the summer's clean-up, ticket 4711"
  usher approve deletions --drop --reason "a broken export"
  usher approve deletions --for 20m --reason "the clean-up is about to begin"
  usher approve deletions --end --reason "it is over"`
}

// Validate returns an error for flags that exclude each other.
func (c approveDeletionsCmd) Validate() error {
	switch {
	case c.For < 0:
		return errors.New("--for must be a time to come, such as 1h")
	case c.End && (c.Drop || c.For > 0), c.Drop && c.For > 0:
		return errors.New("--for, --drop and --end do not go together")
	case c.List && (c.End || c.Drop || c.For > 0):
		return errors.New("--list does not go with --for, --drop and --end")
	default:
		return c.Actor.Validate()
	}
}

// defaultApproval is the default of --for if deletions are on hold.
const defaultApproval = time.Hour

// approval is the outcome of the command.
type approval struct {
	Was   string    `json:"was"`            // reason of the hold; empty: there was no hold
	Since time.Time `json:"since,omitzero"` // start of the hold
	Until time.Time `json:"until,omitzero"` // end of the approval
	Drop  bool      `json:"drop,omitempty"` // the deletions become dead letters
	Ended time.Time `json:"ended,omitzero"` // former end of an approval that was ended early
	end   bool      // --end
}

// none reports whether there was nothing to change.
func (d approval) none() bool { return d.Was == "" && d.Until.IsZero() && d.Ended.IsZero() }

// Run stores the action and changes the record of the deletion guard. With --list, Run only reads.
func (c approveDeletionsCmd) Run(ctx context.Context, a *app.App) error {
	if c.List {
		return c.list(ctx, a)
	}
	settings, b, end, err := a.Connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	store, err := streams.OpenRecords(ctx, streams.Client{JetStream: b.JetStream()}, bus.ControlKV)
	if err != nil {
		return app.Advise(err)
	}
	now := time.Now()
	record, err := brake.Read(ctx, store)
	if err != nil {
		return err
	}
	done := c.change(&record, now) // on a copy, to see if there is anything to change
	if !done.none() {
		if err := b.Audit(ctx, settings.Source, c.action(a, done)); err != nil {
			return app.Advise(err)
		}
		if _, err := brake.Change(ctx, store, func(r *brake.Record) { done = c.change(r, now) }); err != nil {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(a.Stdout).Encode(done)
	}
	_, err = fmt.Fprintln(a.Stdout, done)
	return err
}

// list prints the deletions on hold.
func (c approveDeletionsCmd) list(ctx context.Context, a *app.App) error {
	service, end, err := a.Service(ctx)
	if err != nil {
		return err
	}
	defer end()
	held, unread := service.HeldDeletions(ctx)
	if unread != nil && held == nil {
		return app.Advise(unread)
	}
	if c.JSON {
		return errors.Join(output.JSON(a.Stdout, append([]ops.HeldDeletion{}, held...)), unread)
	}
	var rows [][]string
	for _, h := range held {
		rows = append(rows, []string{h.UserID, h.Vendor, h.Since.UTC().Format(time.RFC3339)})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.Stderr, "no deletion is on hold")
		return err
	}
	return errors.Join(output.Rows(a.Stdout, []string{"user", "vendor", "since"}, rows), unread)
}

// action returns the record for usher audit.
func (c approveDeletionsCmd) action(a *app.App, done approval) bus.Action {
	kind := bus.DeletionsApproved
	if c.Drop {
		kind = bus.DeletionsDropped
	}
	act := a.Action(kind, c.Actor)
	act.Vendor, act.Until = "all", done.Until
	if c.End {
		act.Until = act.At
	}
	return act
}

// change changes the record of the deletion guard as the flags say.
func (c approveDeletionsCmd) change(r *brake.Record, now time.Time) approval {
	done := approval{Was: r.Why, Since: r.Held, Drop: c.Drop}
	switch {
	case c.End:
		done = approval{end: true}
		if now.Before(r.Approved) {
			done.Ended = r.Approved
		}
		r.Guard(now)
	case c.Drop:
		r.Discard(now)
	case c.For > 0 || r.Why != "":
		done.Until = now.Add(cmp.Or(c.For, defaultApproval))
		r.Approve(done.Until)
	}
	return done
}

// String returns the outcome, in lines.
func (d approval) String() string {
	var before string
	if d.Was != "" {
		before = fmt.Sprintf("deletions were on hold since %s: %s\n", d.Since.UTC().Format(time.RFC3339), d.Was)
	}
	switch {
	case d.none() && d.Drop:
		return "no deletion is on hold: nothing was dropped"
	case d.none() && d.end:
		return "no approval is in force, and nothing was changed"
	case d.none():
		return "no deletion is on hold, and nothing was changed"
	case !d.Ended.IsZero():
		return "too many deletions are held again; none would have been until " + d.Ended.UTC().Format(time.RFC3339)
	case d.Drop:
		return before + "the deletions registered before now become dead letters: see usher dead list --class dropped"
	case before == "":
		before = "deletions were not on hold\n"
	}
	return before + "they go on, and none is held until " + d.Until.UTC().Format(time.RFC3339)
}
