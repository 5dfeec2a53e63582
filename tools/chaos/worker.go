package chaos

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usherhq/usher/tools/process"
)

// worker runs processes of usher serve, one after the other.
type worker struct {
	world  *world
	number int
	links  []*link
	died   atomic.Int32

	mu      sync.Mutex
	current *process.Process
	started int
	closed  bool
	paused  bool
	watches sync.WaitGroup
	faults  []error // errors of stopped processes
}

func newWorker(ctx context.Context, w *world, number int) (*worker, error) {
	x := &worker{world: w, number: number}
	for _, n := range w.config.Shape.doors(w.nodes) {
		l, err := newLink(ctx, n.addr)
		if err != nil {
			return x, err
		}
		x.links = append(x.links, l)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x, x.begin()
}

// begin starts the next process. The caller holds the lock.
func (x *worker) begin() error {
	var urls []string
	for _, l := range x.links {
		urls = append(urls, "nats://"+x.world.config.Shape.User+l.addr())
	}
	dir := x.world.config.Dir
	x.started++
	log := filepath.Join(dir, fmt.Sprintf("worker-%d-%03d.log", x.number+1, x.started))
	environ := append([]string{"USHER_NATS_URL=" + strings.Join(urls, ",")}, x.world.environ...)
	p, err := process.Start(log, environ, x.world.config.Binaries.Usher, "--config", filepath.Join(dir, "usher.yaml"), "serve")
	if err != nil {
		return err
	}
	x.current, x.paused = p, false
	x.watches.Go(func() { x.watch(p) })
	return nil
}

// watch restarts a process after an unexpected end, like a supervisor.
func (x *worker) watch(p *process.Process) {
	<-p.Done()
	if p.EndExpected() {
		return
	}
	x.died.Add(1)
	time.Sleep(100 * time.Millisecond)
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.closed && x.current == p {
		x.fault(x.begin())
	}
}

func (x *worker) fault(err error) {
	if err != nil {
		x.faults = append(x.faults, err)
	}
}

// crash kills the process and starts the next process.
func (x *worker) crash() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.current.Kill()
	x.fault(x.begin())
}

// replace starts the next process and stops the old process, like a rolling update.
func (x *worker) replace() {
	x.mu.Lock()
	defer x.mu.Unlock()
	old := x.current
	old.ExpectEnd()
	x.fault(x.begin())
	x.watches.Go(func() {
		err := old.Stop(x.world.config.Limits.Shutdown + 4*time.Second)
		x.mu.Lock()
		defer x.mu.Unlock()
		x.fault(err)
	})
}

// pause freezes the process for span. Reports false if the process is already frozen.
func (x *worker) pause(ctx context.Context, span time.Duration) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.paused {
		return false
	}
	p := x.current
	x.paused = true
	p.Freeze()
	x.watches.Go(func() {
		process.Sleep(ctx, span)
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.current == p {
			x.paused = false
		}
		p.Thaw()
	})
	return true
}

func (x *worker) isPaused() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.paused
}

// weather sets the weather of all links.
func (x *worker) weather(w weather, span time.Duration) {
	for _, l := range x.links {
		l.set(w, span)
	}
}

// close stops the process, and returns the errors of all stopped processes.
func (x *worker) close() error {
	x.mu.Lock()
	x.closed = true
	p := x.current
	x.mu.Unlock()
	if p != nil {
		err := p.Stop(x.world.config.Limits.Shutdown + 4*time.Second)
		x.mu.Lock()
		x.fault(err)
		x.mu.Unlock()
	}
	x.watches.Wait()
	for _, l := range x.links {
		l.close()
	}
	return errors.Join(x.faults...)
}
