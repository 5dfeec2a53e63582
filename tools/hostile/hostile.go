// Package hostile attacks usher serve from both sides: vendors answer with responses made to fill the
// memory, and senders post bodies made for the same purpose, over HTTP and NATS. A healthy sender and
// a healthy vendor work beside. The process has the memory of the chart, and must live.
//
// The suite does not depend on the internals of usher: the suite sends events and responses, reads
// results, and measures the process.
package hostile

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/tools/environment"
)

// Config holds the parameters of a run.
type Config struct {
	Calm    time.Duration // healthy load only
	Attack  time.Duration // healthy load beside the attacks
	Senders int           // attackers at a time
	Memory  int64         // limit of the process in bytes
	// Spared is memory in bytes that is no fault, however small the calm process is. Two seconds of
	// calm are less than the memory of a process at work.
	Spared   int64
	Seed     uint64
	Binaries environment.Binaries
}

// memoryOfChart is limits.memory of a worker in the chart.
const memoryOfChart = 512 << 20

// Short returns the configuration for every run of the tests.
func Short() Config {
	return Config{Calm: 2 * time.Second, Attack: 8 * time.Second, Senders: 8, Memory: memoryOfChart, Spared: memoryOfChart * 5 / 8, Seed: 1}
}

// Full returns the configuration of an attack of some minutes.
func Full(minutes int) Config {
	return Config{Calm: 30 * time.Second, Attack: time.Duration(minutes) * time.Minute, Senders: 16, Memory: memoryOfChart, Seed: uint64(time.Now().UnixNano())}
}

// Run attacks one process of usher serve and returns the measurements. The error says that the
// process died, or that the run could not be made. The logs remain after an error.
func Run(ctx context.Context, c Config) (r *Report, err error) {
	dir, err := os.MkdirTemp("", "usher-hostile-")
	if err != nil {
		return nil, err
	}
	r = &Report{Seed: c.Seed, Limit: c.Memory, Spared: c.Spared, Attacks: map[string]int{}, Answers: map[int]int{}}
	w, err := newWorld(ctx, c, dir, r)
	defer func() {
		w.close()
		if err == nil {
			err = os.RemoveAll(dir)
			return
		}
		err = fmt.Errorf("seed %d: %w; logs are in %s", c.Seed, err, dir)
	}()
	if err != nil {
		return r, fmt.Errorf("start: %w", err)
	}
	if r.Calm, err = w.phase(ctx, c.Calm, nil); err != nil {
		return r, fmt.Errorf("calm: %w", err)
	}
	if r.Beside, err = w.phase(ctx, c.Attack, w.attack); err != nil {
		return r, fmt.Errorf("beside the attacks: %w", err)
	}
	return r, w.Alive()
}

// phase runs the healthy load and a trouble for a time, and returns the measurements.
func (w *world) phase(ctx context.Context, length time.Duration, trouble func(context.Context, *rand.Rand)) (Phase, error) {
	limited, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var p Phase
	var group errgroup.Group
	group.Go(func() error { w.watch(limited, &p); return nil })
	if trouble != nil {
		for i := range w.config.Senders {
			group.Go(func() error {
				random := rand.New(rand.NewPCG(w.config.Seed, uint64(i)))
				for limited.Err() == nil {
					trouble(limited, random)
				}
				return nil
			})
		}
	}
	group.Go(func() error {
		defer cancel() // a dead process ends the phase
		return w.healthy(limited, &p)
	})
	return p, errors.Join(group.Wait(), w.Alive())
}
