// Package cli holds the commands of usher. The command usher x is in the file x.go or in the
// folder x; app and output are for all of them.
package cli

import (
	"context"
	"errors"

	"github.com/alecthomas/kong"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/dead"
	"github.com/usherhq/usher/internal/cli/demo"
	"github.com/usherhq/usher/internal/cli/reconcile"
	"github.com/usherhq/usher/internal/cli/send"
	"github.com/usherhq/usher/internal/engine"
)

// Exit codes.
const (
	ExitFailed = 1
	ExitUsage  = 2
)

// ExitCode returns the exit code for an error of Run.
func ExitCode(err error) int {
	_, misused := errors.AsType[app.UsageError](err)
	_, misset := errors.AsType[engine.SettingsError](err)
	if misused || misset {
		return ExitUsage
	}
	return ExitFailed
}

// commands is every command of usher. The command usher x is in the file x.go or in the
// folder x of this package.
type commands struct {
	File string `name:"config" help:"The configuration file; ./usher.yaml is read where it is there." placeholder:"FILE" type:"path"`

	Version kong.VersionFlag `help:"Print the version and end."`

	Serve   serveCmd   `cmd:"" help:"Take events from NATS and over HTTP, and make the changes that they ask for."`
	Send    send.Cmd   `cmd:"" help:"Check events and send them."`
	Results resultsCmd `cmd:"" help:"Tell what came of events."`
	User    userCmd    `cmd:"" help:"Tell one user's story: accounts, and what every event came to."`
	Health  healthCmd  `cmd:"" help:"Ask a process of usher serve on this machine whether it lives."`
	Status  statusCmd  `cmd:"" help:"Tell how each vendor stands: what waits, what is on hold or paused, dead letters."`
	Dead    dead.Cmd   `cmd:"" help:"See to the events that failed for good: list, show, replay, drop."`
	Pause   pauseCmd   `cmd:"" help:"Give a vendor no further events for a while."`
	Resume  resumeCmd  `cmd:"" help:"End a pause."`
	Approve approveCmd `cmd:"" help:"Let what is on hold go on."`
	Audit   auditCmd   `cmd:"" help:"Tell who replayed, dropped, paused or resumed what, and why."`
	Vendors vendorsCmd `cmd:"" help:"See whether the vendors let usher in."`
	NATS    natsCmd    `cmd:"" name:"nats" help:"Compare the streams and consumers with the configuration, and make them so."`
	Config  configCmd  `cmd:"" help:"Check and show the settings."`
	Demo    demo.Cmd   `cmd:"" help:"See it at work: a school's term against stand-in vendors, with faults."`
	Sandbox sandboxCmd `cmd:"" help:"Serve stand-ins for the five vendors' APIs."`

	Forget    forgetCmd     `cmd:"" help:"Erase what usher stores of one user."`
	Reconcile reconcile.Cmd `cmd:"" help:"Compare the ledger with the accounts that a vendor lists, and put right what can be."`
}

const about = `Usher turns user lifecycle events (CloudEvents on NATS) into changes at Miestro,
Meiro, LEAD, MagLoft and Usermost: exactly as asked, and never twice.

Examples:
  usher demo                     try it
  usher serve                    run it; see deploy/usher.example.yaml for what to set
  usher config check             see what is set`

// leave carries an exit code out of kong, which knows only os.Exit.
type leave int

// Run reads the arguments of a and runs the command in them. Without any it
// prints the help, as a wrong use.
func Run(ctx context.Context, a app.App) (err error) {
	if len(a.Args) == 0 {
		a.Args, a.Stdout = []string{"--help"}, a.Stderr
		return errors.Join(app.Usage(app.ErrSilent), Run(ctx, a))
	}
	defer func() {
		switch code := recover().(type) {
		case nil:
		case leave:
			if code != 0 {
				err = app.Usage(app.ErrSilent)
			}
		default:
			panic(code) // a bug of ours: never the end of a command that went well
		}
	}()
	var c commands
	parser, err := kong.New(&c,
		kong.Name("usher"), kong.Description(about), kong.Vars{"version": a.Version},
		kong.Writers(a.Stdout, a.Stderr),
		kong.Bind(&a),
		kong.Exit(func(code int) { panic(leave(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(wanted(a.Args))
	if err != nil {
		return app.Usage(errors.New(misused(err.Error()) + "; see usher --help"))
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	a.File = c.File
	return app.Interrupted(ctx, parsed.Run())
}
