package cli

import (
	"context"
	"errors"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/ops"
)

type pauseCmd struct {
	Vendor    app.VendorFlag `arg:"" help:"Name of the vendor."`
	For       time.Duration  `help:"Go on by itself after so long; else when usher resume says so." placeholder:"DURATION"`
	app.Actor `embed:""`
	JSON      bool `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (pauseCmd) Help() string {
	return `No process asks anything of the vendor; other vendors go on. Calls that are on their way are carried
out. Nothing is lost: events wait in their stream, for nats.events_max_age.
A pause holds when usher or NATS is started anew. A second one takes the place of the first.

Examples:
  usher pause lead --for 1h --reason "LEAD's maintenance"
  usher pause lead`
}

// Validate refuses a pause that would not be one.
func (p pauseCmd) Validate() error {
	if p.For < 0 || p.For > ops.LongestPause {
		return errors.New("--for must be a time to come, such as 1h")
	}
	return errors.Join(p.Vendor.Required(), p.Actor.Validate())
}

// Run pauses the vendor.
func (p pauseCmd) Run(ctx context.Context, a *app.App) error {
	return halt(ctx, a, p.JSON, func(d *ops.Desk) (ops.PauseState, error) {
		return d.Pause(ctx, string(p.Vendor), p.For, a.Actor(p.Actor))
	})
}

type resumeCmd struct {
	Vendor    app.VendorFlag `arg:"" help:"Name of the vendor."`
	app.Actor `embed:""`
	JSON      bool `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (resumeCmd) Help() string {
	return `Ends a pause at once. A vendor that is not paused stays as it is.

Example:
  usher resume lead --reason "maintenance is over"`
}

// Validate refuses a vendor that is none.
func (r resumeCmd) Validate() error { return errors.Join(r.Vendor.Required(), r.Actor.Validate()) }

// Run resumes the vendor.
func (r resumeCmd) Run(ctx context.Context, a *app.App) error {
	return halt(ctx, a, r.JSON, func(d *ops.Desk) (ops.PauseState, error) {
		return d.Resume(ctx, string(r.Vendor), a.Actor(r.Actor))
	})
}

// halt pauses or resumes a vendor, and prints the state of the vendor.
func halt(ctx context.Context, a *app.App, asJSON bool, do func(*ops.Desk) (ops.PauseState, error)) error {
	d, end, err := a.Desk(ctx)
	if err != nil {
		return err
	}
	defer end()
	state, err := do(d)
	if err != nil {
		return app.Advise(err)
	}
	if asJSON {
		return output.JSON(a.Stdout, state)
	}
	return output.Rows(a.Stdout, []string{"vendor", "state"}, [][]string{{state.Vendor, state.String()}})
}
