package console

import (
	"context"
	"sync"
	"time"
)

const (
	linger     = time.Minute // of the follower after the last viewer has left
	maxViewers = 100
)

// hub holds one follower for all viewers, from the first viewer on.
type hub struct {
	deps   Deps
	linger time.Duration
	ending chan struct{} // closed at the end of the hub

	mu      sync.Mutex
	viewers int
	now     *follower // nil without viewers
	stop    context.CancelFunc
	idle    *time.Timer // ends the follower
	running sync.WaitGroup
	closed  bool
}

func newHub(d Deps) *hub { return &hub{deps: d, linger: linger, ending: make(chan struct{})} }

// join adds a viewer. The viewer must call leave. Returns nil if there are too many viewers, or
// after close.
func (h *hub) join() (f *follower, leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.viewers >= maxViewers {
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

// end ends the follower, unless there are viewers.
func (h *hub) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.viewers == 0 && h.now != nil {
		h.stop()
		h.now = nil
	}
}

// close ends the follower and all streams, and waits for their end.
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
