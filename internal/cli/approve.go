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

type approveCmd struct {
	Deletions approveDeletionsCmd `cmd:"" help:"Let deletions that are on hold go on, or drop them."`
}

type approveDeletionsCmd struct {
	For       time.Duration `help:"How long no further deletion is held, even where none is now; 1h by default where some are." placeholder:"DURATION"`
	Drop      bool          `help:"Make dead letters of the deletions that are on hold, instead."`
	End       bool          `help:"End what --for began before its time: too many are held again."`
	List      bool          `help:"List the deletions that are on hold, and change nothing."`
	app.Actor `embed:""`
	JSON      bool `help:"Print a JSON object; with --list a JSON array."`
}

// Help is shown below the flags.
func (approveDeletionsCmd) Help() string {
	return `Where far more users are to be deleted than usual (deletions.count and deletions.share of the
configuration), no further one is deleted at any vendor until a person has looked. Nothing else
waits, and nothing is lost. Dropped deletions are dead letters: usher dead replay can still make them.
Where none is on hold nothing is done, unless --for says how long none is to be. usher status shows it.
--list reads the whole ledger. A deletion that was approved stays in the list until it is made.

Examples:
  usher approve deletions --list
  usher approve deletions --reason "the summer's clean-up, ticket 4711"
  usher approve deletions --drop --reason "a broken export"
  usher approve deletions --for 20m --reason "the clean-up is about to begin"
  usher approve deletions --end --reason "it is over"`
}

// Validate refuses an approval that would end before it begins.
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

// usualApproval is how long none is held where nobody says.
const usualApproval = time.Hour

// approval is what came of the command.
type approval struct {
	Was   string    `json:"was"`            // why they were on hold; empty where they were not
	Since time.Time `json:"since,omitzero"` // when they were first held
	Until time.Time `json:"until,omitzero"` // until when none is held
	Drop  bool      `json:"drop,omitempty"` // they become dead letters
	Ended time.Time `json:"ended,omitzero"` // until when none would have been held, were it not ended
	end   bool      // was asked for
}

// nothing tells whether there was nothing to do.
func (d approval) nothing() bool { return d.Was == "" && d.Until.IsZero() && d.Ended.IsZero() }

// Run writes the action down and changes the record of the brake; with --list it only reads.
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
	done := c.change(&record, now) // a copy: is there anything to do?
	if !done.nothing() {
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

// list prints the deletions that are on hold.
func (c approveDeletionsCmd) list(ctx context.Context, a *app.App) error {
	d, end, err := a.Desk(ctx)
	if err != nil {
		return err
	}
	defer end()
	held, unread := d.HeldDeletions(ctx)
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

// action is what is written down before it is done.
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

// change does to the record of the brake what is asked for.
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
		done.Until = now.Add(cmp.Or(c.For, usualApproval))
		r.Approve(done.Until)
	}
	return done
}

// String tells what was done, in lines.
func (d approval) String() string {
	var was string
	if d.Was != "" {
		was = fmt.Sprintf("deletions were on hold since %s: %s\n", d.Since.UTC().Format(time.RFC3339), d.Was)
	}
	switch {
	case d.nothing() && d.Drop:
		return "no deletion is on hold: nothing was dropped"
	case d.nothing() && d.end:
		return "no approval is in force, and nothing was changed"
	case d.nothing():
		return "no deletion is on hold, and nothing was changed"
	case !d.Ended.IsZero():
		return "too many deletions are held again; none would have been until " + d.Ended.UTC().Format(time.RFC3339)
	case d.Drop:
		return was + "those that were taken up before now become dead letters: see usher dead list --class dropped"
	case was == "":
		was = "deletions were not on hold\n"
	}
	return was + "they go on, and none is held until " + d.Until.UTC().Format(time.RFC3339)
}
