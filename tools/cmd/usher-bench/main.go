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

// usageError reports wrong arguments.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run parses the arguments and runs the benchmarks. Arguments starting with "part" start a process
// of the benchmarks, and come from another usher-bench.
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
	Load        string        `default:"activity" help:"Load: activity, activity-five, lifecycle, lifecycle-one, rules; see below."`
	Events      int           `default:"10000" help:"Events per run."`
	Backlog     int           `help:"Measure memory and rate of usher alone over N waiting events, in one round; with --all: size of the backlog." placeholder:"N"`
	Rate        int           `help:"Publish N events a second and measure latencies; default: publish all events before the start." placeholder:"N"`
	Delay       time.Duration `help:"Delay of every answer of a vendor." placeholder:"DURATION"`
	Processes   int           `default:"1" help:"Processes per contestant; the bare loop supports lifecycle in one process only."`
	Concurrency int           `default:"256" help:"Concurrent effects per vendor and process."`
	SyncAlways  bool          `help:"Let the NATS server sync each message to the disk before its acknowledgement (sync_interval: always); default: every two minutes."`
	KVWrites    int           `name:"kv-writes" default:"1" help:"JetStream KV writes per effect of the bare loop: 0, 1 or 2."`
	Rounds      int           `default:"5" help:"Rounds; each round runs every contestant once, and the report has medians."`
	Usher       string        `help:"Binary of usher; default: build usher from the source tree." type:"existingfile" placeholder:"PATH"`
	NATSServer  string        `name:"nats-server" help:"Binary of nats-server; default: the embedded server in a separate process." type:"existingfile" placeholder:"PATH"`
	Peer        string        `help:"Binary of Bento to compare with (load activity)." type:"existingfile" placeholder:"PATH"`
	River       bool          `help:"Compare with River on PostgreSQL as well (load activity); needs the programs of PostgreSQL."`
	Postgres    string        `help:"Directory of initdb and postgres, for --river; default: PATH, or the newest of /usr/lib/postgresql/*/bin." type:"existingdir" placeholder:"DIR"`
	Soak        time.Duration `help:"Send activities for this time to usher serve with the embedded server, at --rate, default 1000 a second, after a warm-up of five and a half minutes at most, and compare the memory of the last tenth with the second. An interrupt ends the load and prints the figures." placeholder:"DURATION"`
	Accounts    int           `help:"Store N accounts at one vendor, and measure memory, disk, restart and latency of the NATS server with them, and usher." placeholder:"N"`
	Cluster     string        `help:"With --accounts: store the accounts in a cluster of three NATS servers, each bucket on all (replicated) or each on one server (placed), and kill -9 the leader of ACCOUNTS." enum:"replicated,placed," default:"" placeholder:"SHAPE"`
	Remembered  int           `help:"Let usher record N activities, and measure memory and disk of the NATS server with them, and a start after kill -9." placeholder:"N"`
	JSON        bool          `name:"json" help:"Print one JSON object."`
	Update      string        `help:"Write the tables between the markers of a Markdown file." type:"existingfile" placeholder:"FILE"`
}

// Help is shown below the flags.
func (benchCmd) Help() string {
	return `The bare loop consumes, calls the vendor, publishes the result and acks, without guarantees. Each
run starts new processes for the contestant, the NATS server and the fake vendors. A run with a
missing or repeated result fails. See docs/benchmarks.md.

Loads:
` + strings.Join(bench.DescribeLoads(), "\n") + `

Examples:
  usher-bench                                      about a minute: throughput, then times at 100 events/s
  usher-bench --load lifecycle --kv-writes 2
  usher-bench --sync-always --rounds 3
  usher-bench --sync-always --river --events 20000
  usher-bench --delay 50ms --events 20000 --nats-server /usr/local/bin/nats-server
  usher-bench --backlog 1000000
  usher-bench --soak 30m --rate 1000
  usher-bench --accounts 1000000
  usher-bench --accounts 250000 --cluster replicated
  usher-bench --remembered 1000000
  usher-bench --all --peer ./bento --update docs/benchmarks.md`
}

// Run measures and prints, and ends all processes and removes all files at the end.
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
	err = b.measure(ctx, c, plans, &report)
	c.Progress("")
	if err != nil && ctx.Err() == nil {
		err = errors.Join(report.Text(os.Stderr), err) // the figures before the error
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
	if b.River {
		if c.Postgres, err = bench.FindPostgres(b.Postgres); err != nil {
			return c, usageError{err}
		}
		c.Progress("build River's contestant")
		c.River = filepath.Join(dir, "river")
		if err := process.BuildModule(ctx, c.River, "tools/river"); err != nil {
			return c, fmt.Errorf("build River's contestant, inside the source tree: %w", err)
		}
	}
	if c.Usher != "" {
		return c, nil
	}
	c.Progress("build usher")
	c.Usher = filepath.Join(dir, "usher")
	if err := process.Build(ctx, c.Usher, process.Usher); err != nil {
		return c, fmt.Errorf("build usher (or use --usher PATH): %w", err)
	}
	return c, nil
}

// print writes the report to the targets of the flags.
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

// plans returns the plans of the flags; none with --all.
func (b benchCmd) plans() ([]bench.Plan, error) {
	if b.Cluster != "" && b.Accounts == 0 {
		return nil, errors.New("--cluster needs --accounts")
	}
	if b.Postgres != "" && !b.River {
		return nil, errors.New("--postgres needs --river")
	}
	load, err := bench.LoadNamed(b.Load)
	if err != nil || b.All {
		return nil, err
	}
	if b.KVWrites < 0 || b.KVWrites > 2 {
		return nil, fmt.Errorf("--kv-writes must be 0, 1 or 2, not %d", b.KVWrites)
	}
	p := bench.Plan{
		Name: b.Load, Load: load, Events: b.Events, Rate: b.Rate, Delay: b.Delay, Concurrency: b.Concurrency, SyncAlways: b.SyncAlways, Rounds: b.Rounds,
		Contestants: []bench.Contestant{
			{Name: fmt.Sprintf("bare loop, %d KV", b.KVWrites), Kind: bench.Bare, Writes: b.KVWrites, Processes: b.Processes},
			{Name: "usher", Kind: bench.Usher, Processes: b.Processes},
		},
	}
	if b.Peer != "" {
		p.Contestants = slices.Insert(p.Contestants, 1, bench.Contestant{Name: "peer", Kind: bench.Peer, Processes: b.Processes})
	}
	if b.River {
		p.Contestants = slices.Insert(p.Contestants, len(p.Contestants)-1, bench.OnRiver)
	}
	if load.Rules {
		p.Contestants = bench.WithRules()
	}
	if load.Lifecycle && b.Processes > 1 && !load.Rules { // processes of the bare loop share no memory of users
		p.Contestants = p.Contestants[1:]
	}
	if b.Backlog > 0 {
		p.Name = "backlog"
		p.Events = b.Backlog
		p.Rounds = 1
		p.Contestants = p.Contestants[len(p.Contestants)-1:]
	}
	list := []bench.Plan{p}
	if b == b.plain() { // only default values
		paced := p
		paced.Name += ", paced"
		paced.Rate = 100
		paced.Events = 450
		paced.Rounds = 3
		list = append(list, paced)
	}
	for _, p := range list {
		if err := p.Check(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// plain returns the default flags with those flags of b that do not change the measurement.
func (b benchCmd) plain() benchCmd {
	return benchCmd{
		Load: "activity", Events: 10_000, Processes: 1, Concurrency: 256, KVWrites: 1, Rounds: 5,
		Usher: b.Usher, NATSServer: b.NATSServer, Peer: b.Peer, River: b.River, Postgres: b.Postgres, JSON: b.JSON, Update: b.Update,
	}
}

// progress returns a function that prints lines of progress to standard error. On a terminal each
// line replaces the line before; an empty text clears the line.
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
