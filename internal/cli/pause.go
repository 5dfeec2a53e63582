package cli

import (
	"context"
	"errors"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/ops"
)

// pauseCmd is usher pause.
type pauseCmd struct {
	Vendor     app.VendorFlag `arg:"" help:"Name of the vendor."`
	For        time.Duration  `help:"Resume after this time; only by usher resume by default." placeholder:"DURATION"`
	app.Actor  `embed:""`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (pauseCmd) Help() string {
	return `No process calls the vendor; other vendors go on. Calls in flight go on. No event is lost: events wait
in their stream, for nats.events_max_age.
A pause survives restarts of usher and of NATS. A second pause replaces the first.

Examples:
  usher pause lead --for 1h --reason "LEAD's maintenance"
  usher pause lead`
}

// Validate returns an error for a bad time or an empty name.
func (p pauseCmd) Validate() error {
	if p.For < 0 || p.For > ops.LongestPause {
		return errors.New("--for must be a time to come, such as 1h")
	}
	return errors.Join(p.Vendor.Required(), p.Actor.Validate())
}

// Run pauses the vendor.
func (p pauseCmd) Run(ctx context.Context, a *app.App) error {
	return changePause(ctx, a, p.Output, func(s *ops.Service) (ops.PauseState, error) {
		return s.Pause(ctx, string(p.Vendor), p.For, a.Actor(p.Actor))
	})
}

// resumeCmd is usher resume.
type resumeCmd struct {
	Vendor     app.VendorFlag `arg:"" help:"Name of the vendor."`
	app.Actor  `embed:""`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (resumeCmd) Help() string {
	return `Ends a pause at once. A vendor without a pause is left unchanged.

Example:
  usher resume lead --reason "maintenance is over"`
}

// Validate returns an error for an empty name.
func (r resumeCmd) Validate() error { return errors.Join(r.Vendor.Required(), r.Actor.Validate()) }

// Run resumes the vendor.
func (r resumeCmd) Run(ctx context.Context, a *app.App) error {
	return changePause(ctx, a, r.Output, func(s *ops.Service) (ops.PauseState, error) {
		return s.Resume(ctx, string(r.Vendor), a.Actor(r.Actor))
	})
}

// changePause pauses or resumes a vendor, and prints the state of the vendor.
func changePause(ctx context.Context, a *app.App, out app.Output, do func(*ops.Service) (ops.PauseState, error)) error {
	service, end, err := a.Service(ctx)
	if err != nil {
		return err
	}
	defer end()
	state, err := do(service)
	if err != nil {
		return app.Advise(err)
	}
	if out.Data() {
		return out.Write(a, state)
	}
	return out.Rows(a, []string{"vendor", "state"}, [][]string{{state.Vendor, state.String()}})
}
