package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/tools/process"
)

// Remembered holds the cost of remembered activities at one vendor. Bytes are for each activity.
type Remembered struct {
	Activities int     `json:"activities"`
	Live       float64 `json:"live_bytes"` // of the idle server's heap; 0 with --nats-server
	Disk       float64 `json:"disk_bytes"` // results and memory, without the events
	WorkerMB   float64 `json:"worker_mb"`  // memory of usher serve after the start with all activities remembered
	FirstMS    float64 `json:"first_ms"`   // kill -9 of the server, and start of both, until the vendor is called
}

// Remembered lets usher serve record n activities, and measures the idle server, and a start of both
// after kill -9 of the server. The error tells lost and repeated activities.
func (c Config) Remembered(ctx context.Context, n int) (out Remembered, err error) {
	dir, err := os.MkdirTemp(c.Dir, "usher-bench-")
	if err != nil {
		return out, err
	}
	s := &env{config: c, plan: Plan{Load: loads[0], Events: n, Concurrency: full}, contestant: Contestant{Kind: Usher}, dir: dir}
	defer func() { s.close(); err = errors.Join(err, os.RemoveAll(dir)) }()
	out.Activities = n
	for _, step := range []func(context.Context, *Remembered) error{s.remember, s.restRemembered, s.firstAfter} {
		if err := step(ctx, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// remember records the activities, and checks the results.
func (s *env) remember(ctx context.Context, out *Remembered) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	s.config.progress("usher records %d activities", out.Activities)
	_, err := s.measure(ctx)
	return err
}

// restRemembered measures the idle server with and without the results and the memory.
func (s *env) restRemembered(ctx context.Context, out *Remembered) error {
	s.config.progress("%d activities: wait %s until the server is idle", out.Activities, restAfter)
	if !process.Sleep(ctx, restAfter) {
		return ctx.Err()
	}
	var disk int64
	for _, stream := range []string{streams.ResultsStream, "KV_" + streams.ActivityBucket} {
		bytes, err := diskUsage(filepath.Join(s.dir, "nats", "jetstream", "$G", "streams", stream))
		if err != nil {
			return err
		}
		disk += bytes
	}
	out.Disk = float64(disk) / float64(out.Activities)
	with, err := s.heap(ctx)
	if err != nil {
		return err
	}
	out.Live = float64(max(0, with-s.emptyHeap)) / float64(out.Activities)
	return nil
}

// firstAfter kills the server, starts server and usher, and waits for a call for a new activity.
func (s *env) firstAfter(ctx context.Context, out *Remembered) error {
	s.config.progress("%d activities: kill -9 of the server", out.Activities)
	before, err := s.asked(ctx)
	if err != nil {
		return err
	}
	s.nc.Close()
	s.nats.Kill()
	s.workers = nil
	begun := time.Now()
	if err := s.startNATS(ctx); err != nil {
		return err
	}
	if err := errors.Join(s.publish(), s.confirmed(ctx)); err != nil {
		return err
	}
	if err := s.startWorkers(ctx); err != nil {
		return err
	}
	called := process.Wait{For: "the vendor was called", Needs: s.processes()}
	err = called.Until(ctx, func() bool {
		now, err := s.asked(ctx)
		return err == nil && now.Distinct > before.Distinct
	})
	out.FirstMS = ms(time.Since(begun))
	memory, _ := s.workers[0].Memory()
	out.WorkerMB = megabytes(memory)
	return errors.Join(err, s.stopWorkers())
}

// text returns the figures for people.
func (r Remembered) text() string {
	return fmt.Sprintf("%d activities remembered at one vendor\n  idle NATS server: heap %.1f B, disk %.0f B for each\n"+
		"  after kill -9 of the server: first call after %.0f ms; usher serve %.0f MB\n\n", r.Activities, r.Live, r.Disk, r.FirstMS, r.WorkerMB)
}
