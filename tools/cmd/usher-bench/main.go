// Command usher-bench measures usher serve beside a bare loop and a peer. See
// docs/benchmarks.md, or run usher-bench --help.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	"github.com/usherhq/usher/tools/bench"
	"github.com/usherhq/usher/tools/process"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(start()) }

// start runs the command in this process, and returns the exit code.
func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "usher-bench: "+err.Error())
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

// usageError is a wrong use of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run parses the arguments and runs the benchmarks. Arguments that begin with
// "part" come from another usher-bench: a process of the benchmarks.
func run(ctx context.Context, args []string) error {
	var grammar any = &benchCmd{}
	if len(args) > 0 && args[0] == "part" {
		grammar, args = &partCmd{}, args[1:]
	}
	parser, err := kong.New(
		grammar, kong.Name("usher-bench"), kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Description("Measure usher serve beside a bare loop and a peer, on this machine."),
	)
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if err != nil {
		return usageError{err}
	}
	if err = command.Run(); err != nil && ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

type benchCmd struct {
	All         bool          `help:"Measure every goal of docs/benchmarks.md. Takes about twenty minutes."`
	Load        string        `default:"activity" help:"What is to be done: activity, activity-five, lifecycle, lifecycle-one; see below."`
	Events      int           `default:"10000" help:"How many events, in each run."`
	Backlog     int           `help:"Measure the memory and the rate of usher alone over so many events that wait, in one round; with --all: over how many." placeholder:"N"`
	Rate        int           `help:"Publish so many events a second and measure times; without it, all are there before the start." placeholder:"N"`
	Delay       time.Duration `help:"How late every answer of a vendor comes." placeholder:"DURATION"`
	Processes   int           `default:"1" help:"Of each contestant; the bare loop has no lifecycle in several."`
	Concurrency int           `default:"256" help:"Effects at work at a time, per vendor and process."`
	KVWrites    int           `name:"kv-writes" default:"1" help:"JetStream KV writes per effect that the bare loop makes: 0, 1 or 2."`
	Rounds      int           `default:"5" help:"Each has every contestant once; medians are told."`
	Usher       string        `help:"The usher to measure; without it, the one in this source tree is built." type:"existingfile" placeholder:"PATH"`
	NATSServer  string        `name:"nats-server" help:"The nats-server to use; without it, the embedded server in a process of its own." type:"existingfile" placeholder:"PATH"`
	Peer        string        `help:"The Bento to compare with (load activity)." type:"existingfile" placeholder:"PATH"`
	JSON        bool          `name:"json" help:"Print one JSON object."`
	Update      string        `help:"Write the tables into a Markdown file, between its markers." type:"existingfile" placeholder:"FILE"`
}

// Help is shown below the flags.
func (benchCmd) Help() string {
	return `The bare loop consumes, calls the vendor, publishes the result and acks, and promises nothing. Each
contestant, the NATS server and the vendors' stand-in are processes of their own, made anew for each
run. A run in which an event has no result, or two, fails. See docs/benchmarks.md.

Loads:
` + strings.Join(bench.LoadTexts(), "\n") + `

Examples:
  usher-bench                                      about a minute: throughput, then times at 100 events/s
  usher-bench --load lifecycle --kv-writes 2
  usher-bench --delay 50ms --events 20000 --nats-server /usr/local/bin/nats-server
  usher-bench --backlog 1000000
  usher-bench --all --peer ./bento --update docs/benchmarks.md`
}

// Run measures, prints, and leaves no process and no file behind.
func (b benchCmd) Run(ctx context.Context) (err error) {
	plans, err := b.plans()
	if err != nil {
		return usageError{err}
	}
	dir, err := os.MkdirTemp("", "usher-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c, err := b.config(ctx, dir)
	if err != nil {
		return err
	}
	report := bench.Report{
		Date: time.Now().Format("2 January 2006"), Command: "usher-bench " + strings.Join(os.Args[1:], " "),
		Machine: bench.ThisMachine(), Versions: c.Versions(ctx),
	}
	if b.All {
		err = c.All(ctx, bench.Suite{Rounds: b.Rounds, Backlog: max(b.Backlog, 100_000)}, &report)
	}
	for _, p := range plans {
		if err == nil {
			err = c.Measure(ctx, p, &report)
		}
	}
	c.Progress("")
	if err != nil && ctx.Err() == nil {
		err = errors.Join(report.Text(os.Stderr), err) // first what was measured before
	}
	if err != nil {
		return err
	}
	return b.print(report)
}

// config returns the programs to measure, built into dir if they are not given.
func (b benchCmd) config(ctx context.Context, dir string) (bench.Config, error) {
	c := bench.Config{Usher: b.Usher, NATS: b.NATSServer, Peer: b.Peer, Dir: dir, Progress: progress()}
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	c.Self = self
	if c.Usher != "" {
		return c, nil
	}
	c.Progress("build usher")
	c.Usher = filepath.Join(dir, "usher")
	if err := process.Build(ctx, c.Usher, process.Usher); err != nil {
		return c, fmt.Errorf("build usher (--usher PATH measures another): %w", err)
	}
	return c, nil
}

// print writes the report where the flags say.
func (b benchCmd) print(report bench.Report) error {
	if b.Update != "" {
		if err := report.Update(b.Update); err != nil {
			return err
		}
	}
	if !b.JSON {
		return report.Text(os.Stdout)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(report)
}

// plans are what the flags ask for; none with --all.
func (b benchCmd) plans() ([]bench.Plan, error) {
	load, err := bench.LoadNamed(b.Load)
	if err != nil || b.All {
		return nil, err
	}
	if b.KVWrites < 0 || b.KVWrites > 2 {
		return nil, fmt.Errorf("--kv-writes is 0, 1 or 2, not %d", b.KVWrites)
	}
	p := bench.Plan{
		Name: b.Load, Load: load, Events: b.Events, Rate: b.Rate, Delay: b.Delay, Concurrency: b.Concurrency, Rounds: b.Rounds,
		Contestants: []bench.Contestant{
			{Name: fmt.Sprintf("bare loop, %d KV", b.KVWrites), Kind: bench.Bare, Writes: b.KVWrites, Processes: b.Processes},
			{Name: "usher", Kind: bench.Usher, Processes: b.Processes},
		},
	}
	if b.Peer != "" {
		p.Contestants = slices.Insert(p.Contestants, 1, bench.Contestant{Name: "peer", Kind: bench.Peer, Processes: b.Processes})
	}
	if load.Lifecycle && b.Processes > 1 { // the bare loop has no memory that processes share
		p.Contestants = p.Contestants[1:]
	}
	if b.Backlog > 0 {
		p.Name, p.Events, p.Rounds, p.Contestants = "backlog", b.Backlog, 1, p.Contestants[len(p.Contestants)-1:]
	}
	list := []bench.Plan{p}
	if b == b.plain() { // nothing was asked for
		paced := p
		paced.Name, paced.Rate, paced.Events, paced.Rounds = p.Name+", paced", 100, 450, 3
		list = append(list, paced)
	}
	for _, p := range list {
		if err := p.Check(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// plain is b with what does not change what is measured, and all else as it is
// when nothing is said.
func (b benchCmd) plain() benchCmd {
	return benchCmd{
		Load: "activity", Events: 10_000, Processes: 1, Concurrency: 256, KVWrites: 1, Rounds: 5,
		Usher: b.Usher, NATSServer: b.NATSServer, Peer: b.Peer, JSON: b.JSON, Update: b.Update,
	}
}

// progress returns a function that shows the progress on standard error, a line at
// a time: on a terminal in one line, which an empty text ends.
func progress() func(string) {
	if !isatty.IsTerminal(os.Stderr.Fd()) {
		return func(text string) {
			if text != "" {
				fmt.Fprintln(os.Stderr, text)
			}
		}
	}
	return func(text string) { fmt.Fprint(os.Stderr, "\r\x1b[K"+text) }
}
