// Command usher turns user lifecycle events into changes at SaaS vendors,
// exactly as asked and never twice. See README.md, or run usher --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(start()) }

// start runs usher in this process, and returns the exit code.
func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, surroundings{
		Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "usher: "+text)
	}
	return exitCode(err)
}

// surroundings is all that usher takes from the process it runs in.
type surroundings struct {
	Args    []string
	Environ []string // NAME=value
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
}

// usageError is a wrong use of usher: its arguments, or its configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// silentError ends usher with exit code 1 where all has been said.
type silentError struct{}

func (silentError) Error() string { return "" }

// errInterrupted is what a command returns that Ctrl-C or SIGTERM ended before its
// work was done.
var errInterrupted = errors.New("interrupted")

// interrupted is err, in one word where it is only that ctx was ended.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	return err
}

func exitCode(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

// cli is the commands, one file each.
type cli struct {
	File string `name:"config" help:"The configuration file; ./usher.yaml is read where it is there." placeholder:"FILE" type:"path"`

	Version kong.VersionFlag `help:"Print the version and end."`

	Serve   serveCmd   `cmd:"" help:"Take events from NATS and over HTTP, and make the changes that they ask for."`
	Send    sendCmd    `cmd:"" help:"Check events and send them."`
	Results resultsCmd `cmd:"" help:"Tell what came of events."`
	User    userCmd    `cmd:"" help:"Tell one user's story: accounts, and what every event came to."`
	Health  healthCmd  `cmd:"" help:"Ask a process of usher serve on this machine whether it lives."`
	Status  statusCmd  `cmd:"" help:"Tell how each vendor stands: what waits, what is on hold or paused, dead letters."`
	Dead    deadCmd    `cmd:"" help:"See to the events that failed for good: list, show, replay, drop."`
	Pause   pauseCmd   `cmd:"" help:"Give a vendor no further events for a while."`
	Resume  resumeCmd  `cmd:"" help:"End a pause."`
	Approve approveCmd `cmd:"" help:"Let what is on hold go on."`
	Audit   auditCmd   `cmd:"" help:"Tell who replayed, dropped, paused or resumed what, and why."`
	Vendors vendorsCmd `cmd:"" help:"See whether the vendors let usher in."`
	NATS    natsCmd    `cmd:"" name:"nats" help:"Compare the streams and consumers with the configuration, and make them so."`
	Config  configCmd  `cmd:"" help:"Check and show the settings."`
	Demo    demoCmd    `cmd:"" help:"See it at work: a school's term against stand-in vendors, with faults."`
	Sandbox sandboxCmd `cmd:"" help:"Serve stand-ins for the five vendors' APIs."`

	Forget    forgetCmd    `cmd:"" help:"Erase what usher stores of one user."`
	Reconcile reconcileCmd `cmd:"" help:"Compare the ledger with the accounts that a vendor lists, and put right what can be."`
}

const about = `Usher turns user lifecycle events (CloudEvents on NATS) into changes at Miestro,
Meiro, LEAD, MagLoft and Usermost: exactly as asked, and never twice.

Examples:
  usher demo                     try it
  usher serve                    run it; see deploy/usher.example.yaml for what to set
  usher config check             see what is set`

// leave carries an exit code out of kong, which knows only os.Exit.
type leave int

// run is usher: it reads the arguments and runs the command in them. Without any it
// prints the help, as a wrong use.
func run(ctx context.Context, s surroundings) (err error) {
	if len(s.Args) == 0 {
		s.Args, s.Stdout = []string{"--help"}, s.Stderr
		return errors.Join(usageError{silentError{}}, run(ctx, s))
	}
	defer func() {
		switch code := recover().(type) {
		case nil:
		case leave:
			if code != 0 {
				err = usageError{errors.New("")}
			}
		default:
			panic(code) // a bug of ours: never the end of a command that went well
		}
	}()
	var c cli
	parser, err := kong.New(&c,
		kong.Name("usher"), kong.Description(about), kong.Vars{"version": version()},
		kong.Writers(s.Stdout, s.Stderr),
		kong.Exit(func(code int) { panic(leave(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(wanted(s.Args))
	if err != nil {
		return usageError{errors.New(misused(err.Error()) + "; see usher --help")}
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return interrupted(ctx, parsed.Run(&app{surroundings: s, file: c.File}))
}
