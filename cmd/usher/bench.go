package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/bench"
	"github.com/usherhq/usher/vendors/sandbox"
)

// benchCmds are the commands for measuring.
type benchCmds struct {
	Bench benchCmd     `cmd:"" help:"Measure usher serve beside a bare loop and a peer, on this machine."`
	Part  benchPartCmd `cmd:"" name:"bench-part" hidden:"" help:"What usher bench starts as processes of their own."`
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
  usher bench                                      about a minute: throughput, then times at 100 events/s
  usher bench --load lifecycle --kv-writes 2
  usher bench --delay 50ms --events 20000 --nats-server /usr/local/bin/nats-server
  usher bench --backlog 1000000
  usher bench --all --peer ./bento --update docs/benchmarks.md`
}

// Run measures, prints, and leaves no process behind.
func (b benchCmd) Run(ctx context.Context, a *app) error {
	plans, err := b.plans()
	if err != nil {
		return usageError{err}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	c := bench.Config{Program: program, NATS: b.NATSServer, Peer: b.Peer, Environ: sandbox.Environ, Progress: progressOn(a)}
	report := bench.Report{
		Date: time.Now().Format("2 January 2006"), Command: "usher " + strings.Join(a.Args, " "),
		Machine: bench.ThisMachine(), Versions: c.Versions(ctx, version()),
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
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return errors.Join(report.Text(a.Stderr), err) // first what was measured before
	}
	if b.Update != "" {
		if err := report.Update(b.Update); err != nil {
			return err
		}
	}
	if b.JSON {
		return writeJSON(a.Stdout, report)
	}
	return report.Text(a.Stdout)
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
		NATSServer: b.NATSServer, Peer: b.Peer, JSON: b.JSON, Update: b.Update,
	}
}

// progressOn tells on standard error what is going on: on a terminal in one
// line, which an empty text ends.
func progressOn(a *app) func(string) {
	if !terminal(a.Stderr) {
		return func(text string) {
			if text != "" {
				_, _ = fmt.Fprintln(a.Stderr, text)
			}
		}
	}
	return func(text string) { _, _ = fmt.Fprint(a.Stderr, "\r\x1b[K"+text) }
}
