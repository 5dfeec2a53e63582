package main

import (
	"context"
	"errors"
	"time"

	"github.com/usherhq/usher/internal/ops"
)

type pauseCmd struct {
	Vendor vendorFlag    `arg:"" help:"Name of the vendor."`
	For    time.Duration `help:"Go on by itself after so long; else when usher resume says so." placeholder:"DURATION"`
	deed   `embed:""`
	JSON   bool `help:"Print a JSON object."`
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
	return errors.Join(required(p.Vendor), p.deed.Validate())
}

// Run pauses the vendor.
func (p pauseCmd) Run(ctx context.Context, a *app) error {
	return a.halt(ctx, p.JSON, func(d *ops.Desk) (ops.PauseState, error) {
		return d.Pause(ctx, string(p.Vendor), p.For, a.by(p.deed))
	})
}

type resumeCmd struct {
	Vendor vendorFlag `arg:"" help:"Name of the vendor."`
	deed   `embed:""`
	JSON   bool `help:"Print a JSON object."`
}

// Help is shown below the flags.
func (resumeCmd) Help() string {
	return `Ends a pause at once. A vendor that is not paused stays as it is.

Example:
  usher resume lead --reason "maintenance is over"`
}

// Validate refuses a vendor that is none.
func (r resumeCmd) Validate() error { return errors.Join(required(r.Vendor), r.deed.Validate()) }

// Run resumes the vendor.
func (r resumeCmd) Run(ctx context.Context, a *app) error {
	return a.halt(ctx, r.JSON, func(d *ops.Desk) (ops.PauseState, error) {
		return d.Resume(ctx, string(r.Vendor), a.by(r.deed))
	})
}

// required refuses an empty name.
func required(f vendorFlag) error {
	if f == "" {
		return errors.New("which vendor?")
	}
	return f.Validate()
}

// halt pauses or resumes a vendor, and prints the state of the vendor.
func (a *app) halt(ctx context.Context, asJSON bool, do func(*ops.Desk) (ops.PauseState, error)) error {
	d, end, err := a.desk(ctx)
	if err != nil {
		return err
	}
	defer end()
	state, err := do(d)
	if err != nil {
		return missing(err)
	}
	if asJSON {
		return writeJSON(a.Stdout, state)
	}
	return a.print([]string{"vendor", "state"}, [][]string{{state.Vendor, state.String()}})
}
