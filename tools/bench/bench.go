// Package bench compares usher serve with a bare loop and a peer: the same work on the same machine,
// in turns. The bench observes all contestants from outside, through NATS, fake vendors and the
// operating system. A run with a lost or repeated result gives no figures.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Config holds the programs and settings of all measurements. Usher and Self are required.
type Config struct {
	Usher string // the usher binary to measure
	Self  string // the usher-bench binary, for the fake vendors and the bare loop
	NATS  string // the nats-server binary; empty: Self runs the embedded server in a separate process
	Peer  string // binary of the peer; empty: no peer
	River string // binary of the contestant on River; empty: without
	// Postgres is the directory of the programs of PostgreSQL, for River.
	Postgres string
	Dir      string // parent of temporary directories; empty: the default of the system
	// Progress is called with each line about the progress; may be nil.
	Progress func(line string)
	// Patience is the time without a new result after which the missing results count as
	// lost. Default 30s.
	Patience time.Duration

	calls []call // recorded from usher for the bare loop
}

// The kinds of contestant.
const (
	Bare  = "bare"
	Usher = "usher"
	Peer  = "peer"
	River = "river"
)

// Contestant is a program that does the work.
type Contestant struct {
	Name      string // in reports
	Kind      string // Bare, Usher, Peer or River
	Processes int    // number of concurrent processes; default 1
	Writes    int    // KV writes per effect; for Bare only
	Rules     bool   // with rules of a team; for Usher only
}

// Plan is a comparison of contestants under the same load, in rounds.
type Plan struct {
	Name        string
	Load        Load
	Events      int           // per run
	Rate        int           // events a second; 0: all are published before the start
	Delay       time.Duration // delay of every answer of the vendors
	Concurrency int           // concurrent effects per vendor and process
	SyncAlways  bool          // the NATS server syncs each message to the disk, not every two minutes
	Rounds      int
	Contestants []Contestant
}

// warmUp is the number of events at the start of a paced run that do not count.
const warmUp = 50

// Check returns the first fault of a plan, or nil.
func (p Plan) Check() error {
	switch {
	case p.Events < 1 || p.Concurrency < 1 || p.Rounds < 1 || p.Rate < 0 || p.Delay < 0:
		return fmt.Errorf("plan %s: Events, Concurrency and Rounds must be above zero, Rate and Delay not below", p.Name)
	case p.Rate > 0 && p.Events <= warmUp:
		return fmt.Errorf("plan %s: the first %d events do not count: use more events", p.Name, warmUp)
	case p.Load.Name != "activity" && (p.has(Peer) || p.has(River)):
		return fmt.Errorf("plan %s: the peer and River support the load activity only", p.Name)
	case p.Load.Lifecycle && slices.ContainsFunc(p.Contestants, func(c Contestant) bool { return c.Kind == Bare && c.Processes > 1 }):
		return fmt.Errorf("plan %s: the bare loop supports lifecycle in a single process only", p.Name)
	}
	return nil
}

// has reports whether the plan has a contestant of a kind.
func (p Plan) has(kind string) bool {
	return slices.ContainsFunc(p.Contestants, func(c Contestant) bool { return c.Kind == kind })
}

// Measure runs a plan and adds the figures to the report. The error names the contestant with a
// lost or repeated result.
func (c Config) Measure(ctx context.Context, p Plan, into *Report) error {
	series, err := c.measure(ctx, p)
	if err == nil {
		into.Series = append(into.Series, series)
		if p.Load.Rules {
			into.Goals = append(into.Goals, rulesGoals(series)...)
		}
	}
	return err
}

// measure runs a plan. Each round runs every contestant once.
func (c Config) measure(ctx context.Context, p Plan) (series Series, err error) {
	series = Series{Name: p.Name, Load: p.Load.Name, Events: p.Events, Rate: p.Rate, DelayMS: ms(p.Delay), Concurrency: p.Concurrency, Rounds: p.Rounds, Ratios: []Ratio{}}
	if err := p.Check(); err != nil {
		return series, err
	}
	p.Events = p.Load.whole(p.Events)
	series.Events = p.Events
	if p.has(Bare) {
		c.progress("%s: record usher's calls", p.Name)
		if c.calls, err = c.record(ctx, p.Load); err != nil {
			return series, err
		}
	}
	for round := range p.Rounds {
		for i := range p.Contestants {
			one := p.Contestants[(i+round)%len(p.Contestants)] // the order rotates
			c.progress("%s: round %d of %d, %s", p.Name, round+1, p.Rounds, one.Name)
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

func (c Config) progress(format string, args ...any) {
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

// run measures one contestant once, in a new environment.
func (c Config) run(ctx context.Context, p Plan, one Contestant) (run Run, err error) {
	dir, err := os.MkdirTemp(c.Dir, "usher-bench-")
	if err != nil {
		return run, err
	}
	s := &env{config: c, plan: p, contestant: one, dir: dir}
	defer func() { s.close(); err = errors.Join(err, s.database.remove(), os.RemoveAll(dir)) }()
	if err := s.open(ctx); err != nil {
		return run, err
	}
	return s.measure(ctx)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
