// Package chaos runs real processes of usher serve, nats-server and the sandbox under faults. The
// processes are killed, frozen, disconnected and rejected while events arrive. At the end the suite
// checks the sandbox and the streams, never the metrics of usher (docs/design.md, section 12).
package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// Config holds the parameters of one run.
type Config struct {
	Seed     uint64
	Users    int
	Events   int           // per user, without duplicates
	Span     time.Duration // time of publishing
	After    time.Duration // time of further storms after the publishing
	Every    time.Duration // the time between two storms
	Only     string        // the only kind of storm; empty: all kinds
	Faults   float64       // share of vendor calls with a fault, until the end
	Latency  time.Duration // mean duration of a vendor call
	Rate     float64       // calls per second of each vendor; 0: no limit
	LateBy   time.Duration // delay of a creation after the caller has disconnected; 0: the latency
	Limits   Limits        // time limits of the workers
	Repeats  float64       // share of events published again
	Workers  int           // processes of usher serve
	Nodes    int           // of NATS: 1 or 3
	Limit    time.Duration // limit for all effects to finish after the storms
	Rules    bool          // play with rules of a team; see rules.go
	Shape    Shape         // of NATS; the zero Shape: Nodes servers of Usher's own
	Binaries Binaries
	Vendors  []string           // names of the vendors that are on; default scenario.Vendors
	Root     string             // folder of the repository, for vendors with a file; see Files
	Foreign  map[string]Foreign // vendors beside the sandbox, by name
	Dir      string             // directory of logs and stores; empty: a new temporary directory
}

// Foreign is a vendor beside the sandbox.
type Foreign struct {
	Environ []string // settings of usher serve, as NAME=value
	// State returns the accounts and the enrolments at the vendor.
	State func(ctx context.Context) (sandbox.VendorState, error)
}

// Limits are the time limits of the workers.
type Limits struct {
	CallTimeout, CallLease, AckWait, Shutdown time.Duration
}

// shortLimits returns the shortest valid time limits, so that takeovers happen often.
func shortLimits() Limits {
	return Limits{CallTimeout: time.Second, CallLease: 2 * time.Second, AckWait: 3 * time.Second, Shutdown: 4 * time.Second}
}

// Binaries holds the paths of the programs.
type Binaries struct {
	Usher string
	NATS  string
}

// Build builds the programs into dir. Usher is built with the given build tags.
func Build(ctx context.Context, dir, tags string) (Binaries, error) {
	b := Binaries{Usher: filepath.Join(dir, "usher"), NATS: filepath.Join(dir, "nats-server")}
	return b, errors.Join(process.Build(ctx, b.Usher, process.Usher, "-tags", tags), process.Build(ctx, b.NATS, process.NATS))
}

// Full returns the configuration for proving the invariants.
func Full() Config {
	return Config{
		Users: 1000, Events: 10, Span: time.Minute, After: 20 * time.Second, Every: 500 * time.Millisecond,
		Faults: 0.15, Latency: 3 * time.Millisecond, Repeats: 0.1, Workers: 3, Nodes: 1, Limit: 10 * time.Minute,
		Limits: shortLimits(), Rate: 1000, // out of which a 429 is soon forgotten
	}
}

// Short returns the configuration for every run of the tests.
func Short() Config {
	c := Full()
	c.Users = 100
	c.Span = 7 * time.Second
	c.After = time.Second
	c.Limit = 3 * time.Minute
	return c
}

// Late returns a configuration with creations that take effect seconds after the death of the
// caller. From time to time all processes are killed at once, with time for a takeover in between.
// The next owner has the lease five seconds after the death at the latest. An owner that waits for
// CallLease and CallTimeout then finds the account; an owner that calls at once creates a second
// account. Calls of live processes take at most ten times Latency, less than CallTimeout. The
// rate has no limit: a process that starts beside others would wait for four seconds for a part
// of a rate, longer than LateBy.
func Late() Config {
	c := Short()
	c.Users = 200
	c.Span = 50 * time.Second
	c.After = 0
	c.Every = 15 * time.Second
	c.Only = "crash"
	c.Faults = 0.05
	c.Latency = 250 * time.Millisecond
	c.Repeats = 0.4
	c.Limits = Limits{CallTimeout: 3 * time.Second, CallLease: 4 * time.Second, AckWait: 5 * time.Second, Shutdown: 20 * time.Second}
	c.LateBy, c.Rate = c.Limits.CallLease+c.Limits.CallTimeout, 0
	return c
}

// Run runs one seed and checks the invariants. An error means that the run could not be made; the
// report contains the violations by usher.
func Run(ctx context.Context, c Config) (report *Report, err error) {
	begun := time.Now()
	if c.Dir == "" {
		if c.Dir, err = os.MkdirTemp("", fmt.Sprintf("usher-chaos-%d-", c.Seed)); err != nil {
			return nil, err
		}
	}
	w, err := newWorld(ctx, c)
	defer func() {
		if err = errors.Join(err, w.close()); err != nil {
			err = fmt.Errorf("seed %d: %w; logs and stores are in %s", c.Seed, err, c.Dir)
		}
	}()
	if err != nil {
		return nil, fmt.Errorf("start the environment: %w", err)
	}
	results, err := listen(w)
	if err != nil {
		return nil, err
	}
	defer results.close()
	storms, err := play(ctx, w)
	if err != nil {
		return nil, err
	}
	unsettled := errors.Join(w.copied(ctx), w.settled(ctx))
	if c.Rules {
		unsettled = errors.Join(unsettled, w.graced(ctx))
	}
	h, err := readComplete(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("read the streams and the sandbox: %w", err)
	}
	h.published = results.contents()
	report = judge(h)
	if c.Rules {
		report.rules()
	} else {
		report.plain()
	}
	if unsettled != nil {
		report.violate(violation{kind: "unfinished", text: unsettled.Error()})
	}
	report.Seed = c.Seed
	report.Dir = c.Dir
	report.Storms = storms
	report.Took = time.Since(begun)
	report.Died = w.died()
	return report, report.keep(w)
}

// play publishes events during the storms, and returns the number of storms by kind.
func play(ctx context.Context, w *world) (map[string]int, error) {
	write := posts
	if w.config.Rules {
		write = rulesPosts
	}
	posts, err := write(w.config)
	if err != nil {
		return nil, err
	}
	storming, calm := context.WithCancel(ctx)
	storm := newStorm(w, rand.New(rand.NewPCG(w.config.Seed, 3)))
	ended := make(chan struct{})
	go func() { defer close(ended); storm.run(storming) }()
	renewed := w.renew(storming)
	err = publish(ctx, w, posts)
	if err == nil {
		process.Sleep(ctx, w.config.After)
	}
	calm()
	<-ended
	return storm.counts, errors.Join(err, <-renewed)
}
