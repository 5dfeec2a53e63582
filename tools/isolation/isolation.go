// Package isolation measures how much one user's trouble delays another user at the same vendor. Each
// line of the suite starts nats-server, usher serve and the sandbox with one vendor, and measures
// healthy users, alone and beside a trouble: the time from the publication of user.created to the
// result in RESULTS.
//
// The suite does not depend on the internals of usher: the suite publishes events, reads results and
// the state of the sandbox, and uses the commands and metrics of operators.
package isolation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/tools/environment"
)

// Config holds the parameters of a run.
type Config struct {
	Lines    []Line
	Factor   int           // multiplies rates and divides time limits; 1 as in production, 10 at most
	Healthy  int           // healthy users measured alone, and as many beside the trouble
	Cap      time.Duration // limit for healthy users beside a trouble
	Settle   time.Duration // limit for the first calls of a trouble before the measurement
	Parallel int           // concurrent lines
	Binaries environment.Binaries
}

// Full returns the configuration with the limits of production.
func Full() Config {
	return Config{Lines: lines(false), Factor: 1, Healthy: 10, Cap: time.Minute, Settle: 90 * time.Second, Parallel: 1}
}

// Short returns the configuration for every run of the tests. Lines run concurrently, because lines
// mostly wait.
func Short() Config {
	return Config{Lines: lines(true), Factor: 10, Healthy: 3, Cap: 4 * time.Second, Settle: 3 * time.Second, Parallel: 4}
}

// Run runs the lines and returns the measurements. The error names the lines that could not run. A
// line that misses the goal is no error.
func Run(ctx context.Context, c Config) (*Report, error) {
	report := &Report{Factor: c.Factor, Healthy: c.Healthy, CapSeconds: c.Cap.Seconds(), Lines: make([]Measurement, len(c.Lines))}
	faults := make([]error, len(c.Lines))
	var group errgroup.Group
	group.SetLimit(c.Parallel)
	for i, l := range c.Lines {
		group.Go(func() error {
			m, err := play(ctx, c, l)
			if err != nil {
				faults[i] = fmt.Errorf("line %d: %w", l.Number, err)
				m.Error = err.Error()
			}
			report.Lines[i] = m
			return nil
		})
	}
	_ = group.Wait() // each measurement holds an error
	return report, errors.Join(faults...)
}

// play measures one line in a temporary directory, kept after an error or a missed goal.
func play(ctx context.Context, c Config, l Line) (m Measurement, err error) {
	m = Measurement{Line: l.Number, Trouble: l.String(), Vendor: l.Vendor, Rate: environment.Rates[l.Vendor] * c.Factor}
	dir, err := os.MkdirTemp("", fmt.Sprintf("usher-isolation-%d-", l.Number))
	if err != nil {
		return m, err
	}
	w, err := newWorld(ctx, c, l, dir)
	defer func() {
		w.Close()
		switch {
		case err != nil:
			m.Logs, err = dir, fmt.Errorf("%w; logs are in %s", err, dir)
		case !m.Met:
			m.Logs = dir
		default:
			err = os.RemoveAll(dir)
		}
	}()
	if err != nil {
		return m, fmt.Errorf("start: %w", err)
	}
	if m.Alone, err = w.measure(ctx, "alone"); err != nil {
		return m, fmt.Errorf("alone: %w", err)
	}
	if len(m.Alone.Seconds) < c.Healthy {
		return m, fmt.Errorf("alone: %d of %d healthy users within %s", len(m.Alone.Seconds), c.Healthy, c.Cap)
	}
	if err := l.raise(ctx, w, l.Size); err != nil {
		return m, fmt.Errorf("begin the trouble: %w", err)
	}
	if m.Beside, err = w.measure(ctx, "beside"); err != nil {
		return m, fmt.Errorf("beside: %w", err)
	}
	m.Met = Met(m.Alone, m.Beside)
	return m, w.Alive()
}
