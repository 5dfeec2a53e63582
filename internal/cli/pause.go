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
	Vendors    app.VendorFlags `arg:"" name:"vendor" help:"Names of vendors."`
	For        time.Duration   `help:"Resume after this time; only by usher resume by default." placeholder:"DURATION"`
	app.Actor  `embed:""`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (pauseCmd) Help() string {
	return `No process calls the vendor; other vendors go on. Calls in flight go on. No event is lost: events wait
in their stream, for nats.events_max_age.
A pause survives restarts of usher and of NATS. A second pause replaces the first. JSON has the state of
one vendor, or a list for several vendors.

Examples:
  usher pause lead --for 1h --reason "LEAD's maintenance"
  usher pause lead meiro`
}

// Validate returns an error for a bad time or an empty name.
func (p pauseCmd) Validate() error {
	if p.For < 0 || p.For > ops.LongestPause {
		return errors.New("--for must be a time to come, such as 1h")
	}
	return errors.Join(p.Vendors.Required(), p.Actor.Validate())
}

// Run pauses the vendor.
func (p pauseCmd) Run(ctx context.Context, a *app.App) error {
	return pauseChange{p.Output, p.Vendors}.run(ctx, a, func(s *ops.Service, vendor string) (ops.PauseState, error) {
		return s.Pause(ctx, vendor, p.For, a.Actor(p.Actor))
	})
}

// resumeCmd is usher resume.
type resumeCmd struct {
	Vendors    app.VendorFlags `arg:"" name:"vendor" help:"Names of vendors."`
	app.Actor  `embed:""`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (resumeCmd) Help() string {
	return `Ends a pause at once. A vendor without a pause is left unchanged.

Examples:
  usher resume lead meiro
  usher resume lead --reason "maintenance is over"`
}

// Validate returns an error for an empty name.
func (r resumeCmd) Validate() error { return errors.Join(r.Vendors.Required(), r.Actor.Validate()) }

// Run resumes the vendor.
func (r resumeCmd) Run(ctx context.Context, a *app.App) error {
	return pauseChange{r.Output, r.Vendors}.run(ctx, a, func(s *ops.Service, vendor string) (ops.PauseState, error) {
		return s.Resume(ctx, vendor, a.Actor(r.Actor))
	})
}

// pauseChange is a change of the pauses of vendors.
type pauseChange struct {
	app.Output
	vendors []string
}

// run pauses or resumes each vendor, and prints the states of the vendors; after an error, the states
// of the vendors before.
func (c pauseChange) run(ctx context.Context, a *app.App, do func(*ops.Service, string) (ops.PauseState, error)) error {
	service, end, err := a.Operations(ctx)
	if err != nil {
		return err
	}
	defer end()
	var done []ops.PauseState
	for _, name := range c.vendors {
		state, wrong := do(service, name)
		if err = app.Advise(wrong); err != nil {
			break
		}
		done = append(done, state)
	}
	switch {
	case len(done) == 0:
		return err
	case c.Data() && len(c.vendors) == 1:
		return c.Write(a, done[0])
	case c.Data():
		return errors.Join(c.Write(a, done), err)
	}
	var rows [][]string
	for _, state := range done {
		rows = append(rows, []string{state.Vendor, state.String()})
	}
	return errors.Join(c.Rows(a, []string{"vendor", "state"}, rows), err)
}
