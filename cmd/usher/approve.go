package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/usherhq/usher/internal/brake"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
)

type approveCmd struct {
	Deletions approveDeletionsCmd `cmd:"" help:"Let deletions that are on hold go on, or drop them."`
}

type approveDeletionsCmd struct {
	For  time.Duration `help:"How long no further deletion is held." default:"1h" placeholder:"DURATION"`
	Drop bool          `help:"Make dead letters of the deletions that are on hold, instead."`
	deed `embed:""`
	JSON bool `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (approveDeletionsCmd) Help() string {
	return `Where far more users are to be deleted than usual (deletions.count and deletions.share of the
configuration), no further one is deleted at any vendor until a person has looked. Nothing else
waits, and nothing is lost. Dropped deletions are dead letters: usher dead replay can still make them.

Examples:
  usher approve deletions --reason "the summer's clean-up, ticket 4711"
  usher approve deletions --drop --reason "a broken export"`
}

// Validate refuses an approval that would end before it begins.
func (c approveDeletionsCmd) Validate() error {
	if c.For <= 0 {
		return errors.New("--for must be a time to come, such as 1h")
	}
	return c.deed.Validate()
}

// approval is what came of the command.
type approval struct {
	Was   string    `json:"was"`            // why they were on hold; empty where they were not
	Since time.Time `json:"since,omitzero"` // when they were first held
	Until time.Time `json:"until,omitzero"` // until when none is held
	Drop  bool      `json:"drop,omitempty"` // they become dead letters
}

// Run writes the action down and changes the record of the brake.
func (c approveDeletionsCmd) Run(ctx context.Context, a *app) error {
	settings, b, end, err := a.reach(ctx)
	if err != nil {
		return err
	}
	defer end()
	control, err := b.Bucket(ctx, bus.ControlKV)
	if err != nil {
		return missing(err)
	}
	kind := bus.DeletionsApproved
	if c.Drop {
		kind = bus.DeletionsDropped
	}
	act := a.action(kind, c.deed)
	act.Vendor = "all"
	if err := b.Audit(ctx, settings.Source, act); err != nil {
		return missing(err)
	}
	done, err := c.change(ctx, ledger.KV{Bucket: control})
	if err != nil {
		return err
	}
	return c.tell(a, done)
}

func (c approveDeletionsCmd) change(ctx context.Context, store ledger.Store) (done approval, err error) {
	now := time.Now()
	_, err = brake.Change(ctx, store, func(r *brake.Record) {
		done = approval{Was: r.Why, Since: r.Held, Drop: c.Drop}
		if c.Drop {
			r.Discard(now)
			return
		}
		done.Until = now.Add(c.For)
		r.Approve(done.Until)
	})
	return done, err
}

func (c approveDeletionsCmd) tell(a *app, done approval) error {
	if c.JSON {
		return json.NewEncoder(a.Stdout).Encode(done)
	}
	switch {
	case done.Was == "" && done.Drop:
		_, _ = fmt.Fprintln(a.Stdout, "no deletion is on hold: nothing was dropped")
		return nil
	case done.Was == "":
		_, _ = fmt.Fprintln(a.Stdout, "deletions were not on hold")
	default:
		_, _ = fmt.Fprintf(a.Stdout, "deletions were on hold since %s: %s\n", done.Since.UTC().Format(time.RFC3339), done.Was)
	}
	if done.Drop {
		_, _ = fmt.Fprintln(a.Stdout, "those that were taken up before now become dead letters: see usher dead list --class dropped")
		return nil
	}
	_, _ = fmt.Fprintf(a.Stdout, "they go on, and none is held until %s\n", done.Until.UTC().Format(time.RFC3339))
	return nil
}
