package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/engine"
)

// natsCmd is the commands for the streams and consumers.
type natsCmd struct {
	Check natsCheckCmd `cmd:"" help:"Say how the streams and consumers differ from the configuration."`
	Apply natsApplyCmd `cmd:"" help:"Make the streams and consumers as the configuration says."`
}

// Help is shown below the flags.
func (natsCmd) Help() string {
	return `usher serve makes what is not there, and leaves what is there as it is.

Examples:
  usher nats check
  usher nats apply`
}

type natsCheckCmd struct {
	JSON bool `help:"Print a JSON array."`
}

// Help is shown below the flags.
func (natsCheckCmd) Help() string {
	return `Compares the streams, the buckets of the ledger, and the consumers of the vendors that are on.
Run it with the configuration of usher serve. Exit code 0: nothing differs. 1: something does.

Examples:
  usher nats check
  usher nats check --json`
}

// Run compares.
func (k natsCheckCmd) Run(ctx context.Context, a *app.App) error {
	found, err := compared(ctx, a, func(e *engine.Engine, ctx context.Context, w bus.Wanted) ([]bus.Difference, error) {
		return e.Bus.Check(ctx, w)
	})
	if err != nil {
		return err
	}
	if err := tellDifferences(a, found, k.JSON, "everything is as the configuration says"); err != nil {
		return err
	}
	if len(found) > 0 {
		return app.ErrSilent
	}
	return nil
}

type natsApplyCmd struct {
	JSON bool `help:"Print a JSON array of what was different."`
}

// Help is shown below the flags.
func (natsApplyCmd) Help() string {
	return `Makes what is not there, and changes what differs; see usher nats check. Messages stay.
What an older usher has left is moved over; stop the older usher first.
A running usher serve goes on; limits of its consumers hold at once. Storage, retention and the kind
of a consumer cannot be changed by the server: they are said, and left, and the exit code is 1. A
stream of your own (nats.events_stream) is not touched.

Examples:
  usher nats apply
  USHER_WORKER_MAX_ACK_PENDING=50000 usher nats apply`
}

// Run applies.
func (k natsApplyCmd) Run(ctx context.Context, a *app.App) error {
	found, err := compared(ctx, a, func(e *engine.Engine, ctx context.Context, w bus.Wanted) ([]bus.Difference, error) {
		if err := e.Upgrade(ctx); err != nil {
			return nil, err
		}
		return e.Bus.Apply(ctx, w)
	})
	if err != nil && len(found) == 0 {
		return err
	}
	if err := errors.Join(err, tellDifferences(a, found, k.JSON, "everything was as the configuration says")); err != nil {
		return err
	}
	for _, d := range found {
		if d.Fixed {
			return errors.New("what is fixed was left as it is: to change it, make the stream or the consumer anew")
		}
	}
	return nil
}

// compared looks at the streams and at the consumers of all vendors that are on.
func compared(ctx context.Context, a *app.App, look func(*engine.Engine, context.Context, bus.Wanted) ([]bus.Difference, error)) ([]bus.Difference, error) {
	c, err := a.Config()
	if err != nil {
		return nil, err
	}
	e := &engine.Engine{Config: c, Catalog: a.Catalog}
	ports, err := e.Ports()
	if err != nil {
		return nil, err
	}
	b, end, err := a.ConnectTo(ctx, c)
	if err != nil {
		return nil, err
	}
	defer end()
	if len(ports) == 0 {
		_, _ = fmt.Fprintln(a.Stderr, "no vendor is on here: consumers are not compared; run it with the configuration of usher serve")
	}
	e.Bus = b
	return look(e, ctx, e.Wanted(ports))
}

func tellDifferences(a *app.App, found []bus.Difference, asJSON bool, none string) error {
	if asJSON {
		return output.JSON(a.Stdout, append([]bus.Difference{}, found...))
	}
	var rows [][]string
	for _, d := range found {
		can := ""
		if d.Fixed {
			can = "cannot be changed"
		}
		rows = append(rows, []string{d.Of, d.Setting, d.Have, d.Want, can})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.Stderr, none)
		return err
	}
	return output.Rows(a.Stdout, []string{"of", "setting", "is", "should be", ""}, rows)
}
