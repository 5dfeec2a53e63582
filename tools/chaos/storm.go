package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/usherhq/usher/tools/process"
)

// The kinds of storm with the share of each. A share of 0 means: only by Config.Only.
var storms = []struct {
	kind  string
	share int
}{
	{"kill", 5}, {"term", 3}, {"pause", 3}, {"nats", 1}, {"cut", 2}, {"hold", 1}, {"slow", 1}, {"refuse", 1}, {"down", 1}, {"crash", 0},
}

// storm causes faults in a world.
type storm struct {
	world  *world
	rng    *rand.Rand
	counts map[string]int
	calms  sync.WaitGroup
	dead   sync.Mutex // one NATS server is dead at a time
}

func newStorm(w *world, rng *rand.Rand) *storm {
	return &storm{world: w, rng: rng, counts: map[string]int{}}
}

// run causes faults periodically until ctx ends, and then waits until everything runs again.
func (s *storm) run(ctx context.Context) {
	ticker := time.NewTicker(s.world.config.Every)
	defer ticker.Stop()
	defer s.calms.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			kind := s.draw()
			if s.strike(ctx, kind) {
				s.counts[kind]++
			}
		}
	}
}

func (s *storm) draw() string {
	if only := s.world.config.Only; only != "" {
		return only
	}
	total := 0
	for _, k := range storms {
		total += k.share
	}
	dice := s.rng.IntN(total)
	for _, k := range storms {
		if dice -= k.share; dice < 0 {
			return k.kind
		}
	}
	return ""
}

// span draws a duration.
func (s *storm) span(least, most time.Duration) time.Duration {
	return least + time.Duration(s.rng.Int64N(int64(most-least)))
}

// strike causes one fault. Reports false if the fault is impossible now.
func (s *storm) strike(ctx context.Context, kind string) bool {
	w, vendors := s.world, s.world.config.vendors()
	x, vendor := w.workers[s.rng.IntN(len(w.workers))], vendors[s.rng.IntN(len(vendors))]
	ackWait := w.config.Limits.AckWait
	short, long := s.span(500*time.Millisecond, 2*time.Second), s.span(ackWait, 2*ackWait)
	switch kind {
	case "kill":
		x.crash()
	case "crash": // all processes at once
		for _, x := range w.workers {
			x.crash()
		}
	case "term":
		if x.isPaused() {
			return false
		}
		x.replace()
	case "pause": // beyond AckWait and the lease of the vendor
		return s.awake() > 1 && x.pause(ctx, ackWait+long)
	case "nats":
		return s.killNATS(ctx, short)
	case "cut":
		x.weather(cut, long)
	case "hold":
		x.weather(held, long)
	case "slow":
		x.weather(slow, long)
	case "refuse":
		return w.control(ctx, vendor, "refuse", 5*time.Second) == nil
	case "down":
		return w.control(ctx, vendor, "down", 10*time.Second) == nil
	default:
		panic(fmt.Sprintf("no storm is called %q", kind))
	}
	return true
}

// awake counts the workers that are not frozen.
func (s *storm) awake() (n int) {
	for _, x := range s.world.workers {
		if !x.isPaused() {
			n++
		}
	}
	return n
}

// server returns the server that leads EVENTS, or by chance one of a shape.
func (s *storm) server(ctx context.Context) *node {
	w := s.world
	if len(w.config.Shape.Servers) > 0 {
		return w.nodes[s.rng.IntN(len(w.nodes))]
	}
	return w.nodes[leader(ctx, w.js, w.nodes, w.config.Shape.events())]
}

// killNATS kills a server, and restarts the server on the same store after span.
func (s *storm) killNATS(ctx context.Context, span time.Duration) bool {
	if !s.dead.TryLock() {
		return false
	}
	n := s.server(ctx)
	n.kill()
	s.calms.Go(func() {
		defer s.dead.Unlock()
		process.Sleep(ctx, span)
		if err := n.start(); err != nil {
			panic(err) // a run needs all servers
		}
	})
	return true
}
