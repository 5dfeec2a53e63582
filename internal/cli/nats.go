package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/streams/admin"
)

// natsCmd holds the commands of usher nats.
type natsCmd struct {
	Check  natsCheckCmd  `cmd:"" help:"Compare the streams and consumers with the configuration."`
	Apply  natsApplyCmd  `cmd:"" help:"Create and change the streams and consumers."`
	Rights natsRightsCmd `cmd:"" help:"Print the users and permissions for the configuration of nats-server."`
}

// Help is shown below the flags.
func (natsCmd) Help() string {
	return `usher serve creates missing streams and consumers, and never changes existing ones.

Examples:
  usher nats check
  usher nats apply
  usher nats rights`
}

// natsCheckCmd is usher nats check.
type natsCheckCmd struct {
	app.Output `embed:""`
}

// Help is shown below the flags.
func (natsCheckCmd) Help() string {
	return `Compares the streams, the buckets, and the consumers of the vendors that are on. Run it with the
configuration of usher serve. Exit code 0: no differences. 1: differences.

Examples:
  usher nats check
  usher nats check --json`
}

// Run prints the differences.
func (k natsCheckCmd) Run(ctx context.Context, a *app.App) error {
	found, err := compare(ctx, a, func(e *engine.Engine, ctx context.Context, w admin.Wanted) ([]admin.Difference, error) {
		return e.Admin().Check(ctx, w)
	})
	if err != nil {
		return err
	}
	if err := printDifferences(a, k.Output, found, "everything is as the configuration says"); err != nil {
		return err
	}
	if len(found) > 0 {
		return app.ErrSilent
	}
	return nil
}

// natsApplyCmd is usher nats apply.
type natsApplyCmd struct {
	app.Output `embed:""`
	Adopt      bool `help:"Take streams without a mark for those of an earlier usher."`
}

// Help is shown below the flags.
func (natsApplyCmd) Help() string {
	return `Creates missing streams and consumers, and changes different settings; see usher nats check. Messages
stay. Streams of an older usher are upgraded; stop the older usher first.
A running usher serve goes on; new limits of its consumers apply at once. The server cannot change
storage, retention and the kind of a consumer: such differences are printed, and the exit code is 1.
usher never changes a stream not created by usher (nats.events_stream, or a stream without the mark of
this usher in its metadata); such a stream is printed, and the exit code is 1.

Examples:
  usher nats apply
  USHER_WORKER_MAX_ACK_PENDING=50000 usher nats apply`
}

// Run changes the streams and consumers, and prints the changes.
func (k natsApplyCmd) Run(ctx context.Context, a *app.App) error {
	found, err := compare(ctx, a, func(e *engine.Engine, ctx context.Context, w admin.Wanted) ([]admin.Difference, error) {
		if err := e.Upgrade(ctx); err != nil {
			return nil, err
		}
		w.Adopt = k.Adopt
		return e.Admin().Apply(ctx, w)
	})
	if err != nil && len(found) == 0 {
		return err
	}
	if err := errors.Join(err, printDifferences(a, k.Output, found, "everything was as the configuration says")); err != nil {
		return err
	}
	for _, d := range found {
		if d.Foreign != "" {
			return errors.New("some streams are not of this Usher, and stay as they are: set nats.prefix to a name of your own; " +
				"if an earlier Usher made them, add --adopt")
		}
	}
	for _, d := range found {
		if d.Fixed {
			return errors.New("some settings cannot be changed: delete the stream or the consumer and let usher create it again")
		}
	}
	return nil
}

// compare connects, and calls do with the streams and consumers of all vendors that are on.
func compare(ctx context.Context, a *app.App, do func(*engine.Engine, context.Context, admin.Wanted) ([]admin.Difference, error)) ([]admin.Difference, error) {
	c, err := a.Config()
	if err != nil {
		return nil, err
	}
	e := &engine.Engine{Config: c, Catalog: a.Catalog}
	ports, err := e.Ports()
	if err != nil {
		return nil, err
	}
	set, end, err := a.ConnectTo(ctx, c)
	if err != nil {
		return nil, err
	}
	defer end()
	if len(ports) == 0 {
		_, _ = fmt.Fprintln(a.Stderr, "no vendor is on here: consumers are not compared; run it with the configuration of usher serve")
	}
	e.Streams = set
	return do(e, ctx, e.Wanted(ports))
}

func printDifferences(a *app.App, out app.Output, found []admin.Difference, none string) error {
	if out.Data() {
		return out.Write(a, append([]admin.Difference{}, found...))
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
	return out.Rows(a, []string{"of", "setting", "is", "should be", ""}, rows)
}
