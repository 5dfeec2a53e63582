// Package chaos runs usher against what befalls it: real processes of usher
// serve, of nats-server and of the stand-ins, which are killed, paused, cut off
// and refused while users come and go. At the end it judges by what the vendors
// hold and by what the streams say, never by what usher counts (docs/design.md, section 12).
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
)

// Config is one run.
type Config struct {
	Seed     uint64
	Users    int
	Events   int           // of each user, duplicates not counted
	Span     time.Duration // in which they are published
	After    time.Duration // how long the storms go on after that
	Every    time.Duration // the time between two storms
	Only     string        // the one kind of storm that there is; empty: all kinds
	Faults   float64       // share of the vendor calls that a fault hits, to the very end
	Latency  time.Duration // mean wait of a vendor call
	Rate     float64       // of each vendor, calls a second; 0: no limit
	LateBy   time.Duration // from the receipt of a creation whose caller has gone until its effect; 0: the latency
	Limits   Limits        // of the workers
	Repeats  float64       // share of the events that are published again
	Workers  int           // processes of usher serve
	Nodes    int           // of NATS: 1 or 3
	Limit    time.Duration // for all to be finished once the storms have ended
	Binaries Binaries
	Dir      string // where everything is kept; a new one where it is empty
}

// Limits are the time limits of the workers.
type Limits struct {
	CallTimeout, CallLease, AckWait, Shutdown time.Duration
}

// shortLimits are as short as the relations between them allow, so that takeovers
// happen all the time.
func shortLimits() Limits {
	return Limits{CallTimeout: time.Second, CallLease: 2 * time.Second, AckWait: 3 * time.Second, Shutdown: 4 * time.Second}
}

// Binaries are the programs that a run starts.
type Binaries struct {
	Usher string
	NATS  string
}

// Build builds the programs into dir, usher with the given build tags.
func Build(ctx context.Context, dir, tags string) (Binaries, error) {
	b := Binaries{Usher: filepath.Join(dir, "usher"), NATS: filepath.Join(dir, "nats-server")}
	return b, errors.Join(process.Build(ctx, b.Usher, process.Usher, "-tags", tags), process.Build(ctx, b.NATS, process.NATS))
}

// Full is the form in which the invariants are proven.
func Full() Config {
	return Config{
		Users: 1000, Events: 10, Span: time.Minute, After: 20 * time.Second, Every: 500 * time.Millisecond,
		Faults: 0.15, Latency: 3 * time.Millisecond, Repeats: 0.1, Workers: 3, Nodes: 1, Limit: 10 * time.Minute,
		Limits: shortLimits(), Rate: 1000, // out of which a 429 is soon forgotten
	}
}

// Short is the form that every run of the tests can afford.
func Short() Config {
	c := Full()
	c.Users, c.Span, c.After, c.Limit = 100, 7*time.Second, time.Second, 3*time.Minute
	return c
}

// Late is the form in which a creation lands seconds after the death of its caller. Every
// process is killed at once now and then, and there is time for a takeover in between. The
// next owner has the lease five seconds after the death at the latest. An owner that waits
// for CallLease and CallTimeout then finds the account; an owner that calls at once makes a
// second one. No call of a living process takes as long as CallTimeout, at most ten times
// Latency. The rate has no limit: a process that starts beside others would wait for eight
// seconds for a part of a rate, longer than LateBy.
func Late() Config {
	c := Short()
	c.Users, c.Span, c.After, c.Every, c.Only = 200, 50*time.Second, 0, 15*time.Second, "crash"
	c.Faults, c.Latency, c.Repeats = 0.05, 250*time.Millisecond, 0.4
	c.Limits = Limits{CallTimeout: 3 * time.Second, CallLease: 4 * time.Second, AckWait: 5 * time.Second, Shutdown: 20 * time.Second}
	c.LateBy, c.Rate = c.Limits.CallLease+c.Limits.CallTimeout, 0
	return c
}

// Run plays one seed and judges it. An error means that it could not be
// played; what is wrong with usher is in the report.
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
			err = fmt.Errorf("seed %d: %w; kept in %s", c.Seed, err, c.Dir)
		}
	}()
	if err != nil {
		return nil, fmt.Errorf("raise the world: %w", err)
	}
	told, err := listen(w)
	if err != nil {
		return nil, err
	}
	defer told.close()
	storms, err := play(ctx, w)
	if err != nil {
		return nil, err
	}
	unsettled := w.settled(ctx)
	h, err := readComplete(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("read what came of it: %w", err)
	}
	h.told = told.contents()
	report = judge(h)
	if unsettled != nil {
		report.violate(violation{kind: "unfinished", text: unsettled.Error()})
	}
	report.Seed, report.Dir, report.Storms, report.Took = c.Seed, c.Dir, storms, time.Since(begun)
	report.Died = w.died()
	return report, report.keep(w)
}

// play publishes while the storms go on, and returns how many there were of
// each kind.
func play(ctx context.Context, w *world) (map[string]int, error) {
	posts, err := posts(w.config)
	if err != nil {
		return nil, err
	}
	storming, calm := context.WithCancel(ctx)
	storm := newStorm(w, rand.New(rand.NewPCG(w.config.Seed, 3)))
	ended := make(chan struct{})
	go func() { defer close(ended); storm.run(storming) }()
	err = publish(ctx, w, posts)
	if err == nil {
		process.Sleep(ctx, w.config.After)
	}
	calm()
	<-ended
	return storm.counts, err
}
