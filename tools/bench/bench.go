// Package bench measures usher serve beside a bare loop and a peer: the same
// work on the same machine in one run, in turns. It looks at all of them from
// outside, through NATS, the vendors' stand-in and the operating system, and
// takes no figure from a run that lost or doubled anything.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Config is what all measurements share. Usher and Self must be set.
type Config struct {
	Usher string // the usher binary to measure
	Self  string // the usher-bench binary, which runs the stand-in and the bare loop
	NATS  string // the nats-server binary; empty: Self runs the embedded server as a process of its own
	Peer  string // the peer's binary; empty: no peer
	Dir   string // where temporary directories are made; empty: the system's place for them
	// Progress is told what is going on, a line at a time; it may be nil.
	Progress func(line string)
	// Patience is how long a run may go without a new result until its rest is
	// taken for lost. Default 30s.
	Patience time.Duration

	calls []call // of usher, for the bare loop
}

// The kinds of contestant.
const (
	Bare  = "bare"
	Usher = "usher"
	Peer  = "peer"
)

// Contestant is one way to do the work.
type Contestant struct {
	Name      string // in reports
	Kind      string // Bare, Usher or Peer
	Processes int    // beside each other; default 1
	Writes    int    // KV writes per effect, of Bare
}

// Plan is one comparison: the same load for all contestants, round by round.
type Plan struct {
	Name        string
	Load        Load
	Events      int           // in one run
	Rate        int           // events a second; 0: all are there before the start
	Delay       time.Duration // of every answer of the vendors
	Concurrency int           // effects at work at a time, per vendor and process
	Rounds      int
	Contestants []Contestant
}

// warmUp is how many events of a paced run come before those that count.
const warmUp = 50

// Check says what is wrong with a plan, nil where nothing is.
func (p Plan) Check() error {
	switch {
	case p.Events < 1 || p.Concurrency < 1 || p.Rounds < 1 || p.Rate < 0 || p.Delay < 0:
		return fmt.Errorf("plan %s: a number is not set", p.Name)
	case p.Rate > 0 && p.Events <= warmUp:
		return fmt.Errorf("plan %s: the first %d events are for warming up: give more", p.Name, warmUp)
	case p.Load.Name != "activity" && p.has(Peer):
		return fmt.Errorf("plan %s: the peer is measured with the load activity only", p.Name)
	case p.Load.Lifecycle && slices.ContainsFunc(p.Contestants, func(c Contestant) bool { return c.Kind == Bare && c.Processes > 1 }):
		return fmt.Errorf("plan %s: the bare loop knows the users' accounts in its own memory only: one process", p.Name)
	}
	return nil
}

// has reports whether the plan has a contestant of a kind.
func (p Plan) has(kind string) bool {
	return slices.ContainsFunc(p.Contestants, func(c Contestant) bool { return c.Kind == kind })
}

// Measure runs a plan and adds what it finds to the report. Its error names the
// contestant that lost or doubled something.
func (c Config) Measure(ctx context.Context, p Plan, into *Report) error {
	series, err := c.measure(ctx, p)
	if err == nil {
		into.Series = append(into.Series, series)
	}
	return err
}

// measure runs a plan: each round has every contestant once, in turns.
func (c Config) measure(ctx context.Context, p Plan) (series Series, err error) {
	series = Series{Name: p.Name, Load: p.Load.Name, Events: p.Events, Rate: p.Rate, DelayMS: ms(p.Delay), Concurrency: p.Concurrency, Rounds: p.Rounds, Ratios: []Ratio{}}
	if err := p.Check(); err != nil {
		return series, err
	}
	p.Events = p.Load.whole(p.Events)
	series.Events = p.Events
	if p.has(Bare) {
		c.say("%s: record usher's calls", p.Name)
		if c.calls, err = c.record(ctx, p.Load); err != nil {
			return series, err
		}
	}
	for round := range p.Rounds {
		for i := range p.Contestants {
			one := p.Contestants[(i+round)%len(p.Contestants)] // nobody is always first
			c.say("%s: round %d of %d, %s", p.Name, round+1, p.Rounds, one.Name)
			run, err := c.run(ctx, p, one)
			if ctx.Err() != nil {
				return series, ctx.Err()
			}
			if err != nil {
				return series, fmt.Errorf("%s, %s: %w", p.Name, one.Name, err)
			}
			run.Round = round + 1
			series.Runs = append(series.Runs, run)
		}
	}
	series.sum(p.Contestants)
	return series, nil
}

func (c Config) say(format string, args ...any) {
	if c.Progress != nil {
		c.Progress(fmt.Sprintf(format, args...))
	}
}

func (c Config) patience() time.Duration {
	if c.Patience > 0 {
		return c.Patience
	}
	return 30 * time.Second
}

// run does the work once, in a world of its own.
func (c Config) run(ctx context.Context, p Plan, one Contestant) (run Run, err error) {
	dir, err := os.MkdirTemp(c.Dir, "usher-bench-")
	if err != nil {
		return run, err
	}
	s := &stage{config: c, plan: p, contestant: one, dir: dir}
	defer func() { s.close(); err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := s.open(ctx); err != nil {
		return run, err
	}
	return s.perform(ctx)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
