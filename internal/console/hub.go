package console

import (
	"context"
	"sync"
	"time"
)

const (
	linger     = time.Minute // of the follower after the last viewer has left
	maxViewers = 100
	maxOfOne   = 20 // live pages of one person
)

// hub holds one follower for all viewers, from the first viewer on.
type hub struct {
	deps   Deps
	linger time.Duration
	ending chan struct{} // closed at the end of the hub
	counts *counts       // of all followers, one after another

	mu      sync.Mutex
	viewers int
	by      map[string]int // viewers by person
	now     *follower      // nil without viewers
	stop    context.CancelFunc
	idle    *time.Timer // ends the follower
	running sync.WaitGroup
	closed  bool
}

func newHub(d Deps) *hub {
	return &hub{deps: d, linger: linger, ending: make(chan struct{}), counts: newCounts(), by: map[string]int{}}
}

// join adds a viewer. The viewer must call leave. Returns nil if there are too many viewers, in all
// or of the person, or after close.
func (h *hub) join(person string) (f *follower, leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.viewers >= maxViewers || h.by[person] >= maxOfOne {
		return nil, nil
	}
	h.viewers++
	h.by[person]++
	if h.idle != nil {
		h.idle.Stop()
	}
	if h.now == nil {
		ctx, stop := context.WithCancel(context.Background())
		f := newFollower(h.deps, h.counts)
		h.now, h.stop = f, stop
		h.running.Go(func() { f.run(ctx) })
	}
	return h.now, sync.OnceFunc(func() { h.leave(person) })
}

func (h *hub) leave(person string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewers--
	if h.by[person]--; h.by[person] == 0 {
		delete(h.by, person)
	}
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
