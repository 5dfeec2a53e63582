// Package cli holds the commands of usher. The command usher x is in the file x.go or in the
// folder x. The folders app and output are shared by all commands.
package cli

import (
	"context"
	"errors"
	"regexp"

	"github.com/alecthomas/kong"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/dead"
	"github.com/usherhq/usher/internal/cli/demo"
	"github.com/usherhq/usher/internal/cli/importer"
	"github.com/usherhq/usher/internal/cli/reconcile"
	"github.com/usherhq/usher/internal/cli/send"
	"github.com/usherhq/usher/internal/engine"
)

// Exit codes.
const (
	ExitFailed = 1
	ExitUsage  = 2
	// ExitFindings is the exit code of simulate and plan if accounts would be removed.
	ExitFindings = 3
)

// ExitCode returns the exit code for an error of Run.
func ExitCode(err error) int {
	_, misused := errors.AsType[app.UsageError](err)
	_, misset := errors.AsType[engine.SettingsError](err)
	switch {
	case misused || misset:
		return ExitUsage
	case errors.Is(err, app.ErrFindings):
		return ExitFindings
	}
	return ExitFailed
}

// commands lists the commands of usher.
type commands struct {
	File string `name:"config" help:"The configuration file; ./usher.yaml by default, if it exists." placeholder:"FILE" type:"path"`

	NATSContext string `name:"nats-context" help:"A context of the nats command, for the connection to NATS." placeholder:"NAME"`

	Server string `help:"The addresses of NATS for this command, such as nats://127.0.0.1:4222; nats.url by default." placeholder:"URL"`

	Version kong.VersionFlag `help:"Print the version."`

	Serve   serveCmd   `cmd:"" help:"Receive events from NATS and over HTTP, and carry them out at the vendors."`
	Send    send.Cmd   `cmd:"" help:"Check events and send them."`
	Results resultsCmd `cmd:"" help:"List the results of events."`
	User    userCmd    `cmd:"" help:"Show the accounts of one user, and the outcome of every event."`
	Event   eventCmd   `cmd:"" help:"Show one event, and what became of it at every vendor."`
	Health  healthCmd  `cmd:"" help:"Check that usher serve runs on this machine."`
	Status  statusCmd  `cmd:"" help:"Show the state of each vendor: waiting events, holds, pauses, dead letters."`
	Dead    dead.Cmd   `cmd:"" help:"List, show, replay or drop the events that failed for good."`
	Pause   pauseCmd   `cmd:"" help:"Stop work at a vendor for a while."`
	Resume  resumeCmd  `cmd:"" help:"End a pause."`
	Approve approveCmd `cmd:"" help:"Approve deletions that are on hold."`
	Audit   auditCmd   `cmd:"" help:"List the actions by hand: who replayed, dropped, paused or resumed, and why."`
	Vendors vendorsCmd `cmd:"" help:"Check the credentials of the vendors, list accounts and courses, and describe further APIs."`
	NATS    natsCmd    `cmd:"" name:"nats" help:"Compare the streams and consumers with the configuration, and change them."`
	Config  configCmd  `cmd:"" help:"Check and show the settings."`
	Notify  notifyCmd  `cmd:"" help:"Test the messages to the people on call."`
	Demo    demo.Cmd   `cmd:"" help:"Run usher for a school's term, against stand-in vendors with faults."`
	Sandbox sandboxCmd `cmd:"" help:"Serve stand-ins for the APIs of the vendors, and for described ones."`

	Preview  previewCmd   `cmd:"" help:"Show the consequences of an event, or of a resync of a user, and change nothing."`
	Simulate simulateCmd  `cmd:"" help:"Count the consequences of a configuration for all users, and change nothing."`
	Plan     planCmd      `cmd:"" help:"Compare two configurations for all users."`
	Resync   resyncCmd    `cmd:"" help:"Send the last known data of a user again."`
	Import   importer.Cmd `cmd:"" help:"Send events made of the rows of a CSV file or of JSON lines."`
	Backfill backfillCmd  `cmd:"" help:"Provision users from a list at one vendor."`

	Completion completionCmd `cmd:"" help:"Print the completion for bash, zsh or fish."`
	Complete   completeCmd   `cmd:"" hidden:"" name:"__complete" help:"Print the words that can follow."`
	Man        manCmd        `cmd:"" help:"Print the manual page."`

	Forget    forgetCmd     `cmd:"" help:"Erase the data of one user."`
	Reconcile reconcile.Cmd `cmd:"" help:"Compare the records with the accounts listed by a vendor, and repair differences."`
}

// AfterApply sets the file of the configuration, before the flags that name vendors are checked.
// The parser calls AfterApply.
func (c *commands) AfterApply(a *app.App) error {
	a.File, a.NATSContext, a.Server = c.File, c.NATSContext, c.Server
	return nil
}

const about = `Usher turns user lifecycle events (CloudEvents on NATS) into changes at Miestro,
Meiro, LEAD, MagLoft and Usermost, at SCIM 2.0 servers, and at APIs described in a file: exactly as
asked, and never twice.

Examples:
  usher demo                     try it
  usher serve                    run it; deploy/usher.example.yaml lists the settings
  usher config check             check the settings`

// exitRequest carries an exit code out of kong, which would call os.Exit.
type exitRequest int

// Run runs the command in the arguments of a. Without arguments, Run prints the help and returns
// a usage error.
func Run(ctx context.Context, a app.App) (err error) {
	if len(a.Args) == 0 {
		a.Args, a.Stdout = []string{"--help"}, a.Stderr
		return errors.Join(app.Usage(app.ErrSilent), Run(ctx, a))
	}
	defer func() {
		switch code := recover().(type) {
		case nil:
		case exitRequest:
			if code != 0 {
				err = app.Usage(app.ErrSilent)
			}
		default:
			panic(code) // a bug: the command must not end with exit code 0
		}
	}()
	var c commands
	parser, err := kong.New(&c,
		kong.Name("usher"), kong.Description(about), kong.Vars{"version": a.Version},
		kong.Writers(a.Stdout, a.Stderr),
		kong.Bind(&a), app.Durations(),
		kong.Exit(func(code int) { panic(exitRequest(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(withWords(a.Args))
	if err != nil {
		return app.Usage(errors.New(inOwnWords(err.Error()) + "; see " + commandOf(err) + " --help"))
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return app.Interrupted(ctx, parsed.Run())
}

// commandOf returns the command that a person has begun, for advice.
func commandOf(err error) string {
	failed, ok := errors.AsType[*kong.ParseError](err)
	if !ok || failed.Context == nil {
		return "usher"
	}
	command := "usher"
	for _, part := range failed.Context.Path {
		if part.Command != nil {
			command += " " + part.Command.Name
		}
	}
	return command
}

// withWords returns the arguments for the parser. The words help and version become flags.
func withWords(args []string) []string {
	switch {
	case len(args) == 2 && args[0] == "help" && args[1] == "--man":
		return []string{"man"}
	case len(args) > 0 && args[0] == "help":
		return append(args[1:len(args):len(args)], "--help")
	case len(args) == 1 && args[0] == "version":
		return []string{"--version"}
	default:
		return args
	}
}

// inOwnWords returns an error of the parser without terms of the parser.
func inOwnWords(text string) string {
	for _, phrase := range [][2]string{
		{`^(-\S+): expected \S+ value but got "EOL" \(<EOL>\)$`, `$1 needs a value`},
		{`^(-\S+): expected \S+ value but got "(-.*)" \((?:short|long) flag\).*$`, `$1 needs a value, and $2 looks like a flag: write $1=$2 if it is the value`},
		{`expected a valid \d+ bit u?int but got ("[^"]*")$`, `want a whole number, not $1`},
		{`expected an? (?:int|float) but got ("[^"]*").*$`, `want a number, not $1`},
	} {
		text = regexp.MustCompile(phrase[0]).ReplaceAllString(text, phrase[1])
	}
	return text
}
