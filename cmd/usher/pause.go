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
	return `No worker takes further events for the vendor; other vendors go on. What the workers hold
already is carried out. Nothing is lost: events wait in their stream, for nats.events_max_age.
A pause holds when usher or NATS is started anew. A second one takes the place of the first.

Examples:
  usher pause lead --for 1h --reason "LEAD's maintenance"
  usher pause lead`
}

// Validate refuses a pause that would not be one.
func (p pauseCmd) Validate() error {
	if p.For < 0 || p.For > ops.Forever {
		return errors.New("--for must be a time to come, such as 1h")
	}
	return errors.Join(required(p.Vendor), p.deed.Validate())
}

// Run pauses the vendor's consumers.
func (p pauseCmd) Run(ctx context.Context, a *app) error {
	return a.halt(ctx, string(p.Vendor), p.JSON, func(d *ops.Desk) ([]ops.LaneState, error) {
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

// Run resumes the vendor's consumers.
func (r resumeCmd) Run(ctx context.Context, a *app) error {
	return a.halt(ctx, string(r.Vendor), r.JSON, func(d *ops.Desk) ([]ops.LaneState, error) {
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

// halt does it to a vendor, and tells how its lanes stand then.
func (a *app) halt(ctx context.Context, vendor string, asJSON bool, do func(*ops.Desk) ([]ops.LaneState, error)) error {
	d, end, err := a.desk(ctx)
	if err != nil {
		return err
	}
	defer end()
	states, err := do(d)
	if err != nil {
		return missing(err)
	}
	return a.tellLanes(vendor, states, asJSON)
}

func (a *app) tellLanes(vendor string, states []ops.LaneState, asJSON bool) error {
	if asJSON {
		return writeJSON(a.Stdout, struct {
			Vendor string          `json:"vendor"`
			Lanes  []ops.LaneState `json:"lanes"`
		}{vendor, states})
	}
	var rows [][]string
	for _, s := range states {
		rows = append(rows, []string{vendor, s.Lane, s.String()})
	}
	return a.print([]string{"vendor", "lane", "state"}, rows)
}
