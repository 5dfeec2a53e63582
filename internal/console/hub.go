package console

import (
	"context"
	"sync"
	"time"
)

const (
	linger      = time.Minute // how long the follower stays when nobody watches any more
	mostViewers = 100
)

// hub has one follower for all who watch. It begins with the first of them.
type hub struct {
	deps   Deps
	linger time.Duration
	ending chan struct{} // closed when all is to end

	mu      sync.Mutex
	viewers int
	now     *follower // nil while nobody watches
	stop    context.CancelFunc
	idle    *time.Timer // ends the follower
	running sync.WaitGroup
	closed  bool
}

func newHub(d Deps) *hub { return &hub{deps: d, linger: linger, ending: make(chan struct{})} }

// join adds a viewer, who must leave. It returns nil where there are too many, or
// where the console ends.
func (h *hub) join() (f *follower, leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.viewers >= mostViewers {
		return nil, nil
	}
	h.viewers++
	if h.idle != nil {
		h.idle.Stop()
	}
	if h.now == nil {
		ctx, stop := context.WithCancel(context.Background())
		f := newFollower(h.deps)
		h.now, h.stop = f, stop
		h.running.Go(func() { f.run(ctx) })
	}
	return h.now, sync.OnceFunc(h.leave)
}

func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewers--
	if h.viewers == 0 && !h.closed {
		h.idle = time.AfterFunc(h.linger, h.end)
	}
}

// end ends the follower, unless somebody watches.
func (h *hub) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.viewers == 0 && h.now != nil {
		h.stop()
		h.now = nil
	}
}

// close ends everything, and waits for it.
func (h *hub) close() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.ending)
		if h.idle != nil {
			h.idle.Stop()
		}
		if h.now != nil {
			h.stop()
			h.now = nil
		}
	}
	h.mu.Unlock()
	h.running.Wait()
}
