package intake

import (
	"context"
	"slices"
	"sync"

	"github.com/usherhq/usher/events"
)

// tracker knows the last position with all read events settled: finished, or registered with
// a timer. Unsettled events are bounded in number and in bytes.
type tracker struct {
	bounds

	mu      sync.Mutex
	entries []entry // read, in the order of the stream, from the first unsettled event on
	settled events.Position
	open    int
	bytes   int
	room    chan struct{} // closed when an event is settled; a new channel for each wait
}

type entry struct {
	position events.Position
	bytes    int
	settled  bool
}

// bounds limit the unsettled events. A single event may be larger.
type bounds struct{ mostOpen, mostBytes int }

// eventBounds are the bounds of events. The bounds are generous, since an unsettled event holds
// back no event of another user.
var eventBounds = bounds{mostOpen: 50_000, mostBytes: 8 << 20}

// newTracker returns a tracker of a reader from behind a position.
func newTracker(position events.Position, b bounds) *tracker {
	return &tracker{bounds: b, settled: position, room: make(chan struct{})}
}

// add notes a read event. add waits until there is room.
func (t *tracker) add(ctx context.Context, p events.Position, bytes int) error {
	for {
		t.mu.Lock()
		if t.open < t.mostOpen && (t.bytes+bytes <= t.mostBytes || t.open == 0) {
			t.entries = append(t.entries, entry{p, bytes, false})
			t.open, t.bytes = t.open+1, t.bytes+bytes
			t.mu.Unlock()
			return nil
		}
		room := t.room
		t.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settle notes a settled event.
func (t *tracker) settle(p events.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := slices.BinarySearchFunc(t.entries, p, func(e entry, p events.Position) int { return e.position.Compare(p) })
	if !ok || t.entries[i].settled {
		return
	}
	t.entries[i].settled = true
	t.open, t.bytes = t.open-1, t.bytes-t.entries[i].bytes
	n := 0
	for n < len(t.entries) && t.entries[n].settled {
		n++
	}
	if n > 0 {
		if last := t.entries[n-1].position; t.settled.Before(last) {
			t.settled = last
		}
		t.entries = t.entries[n:]
	}
	if len(t.entries) > 4*t.open+compactFrom {
		t.compact()
	}
	close(t.room)
	t.room = make(chan struct{})
}

// skip notes a position without unread events before.
func (t *tracker) skip(p events.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.settled.Before(p) && (len(t.entries) == 0 || p.Before(t.entries[0].position)) {
		t.settled = p
	}
}

// compactFrom is the number of settled entries for a compaction.
const compactFrom = 1024

// compact keeps of each run of settled entries the last one. Otherwise one event,
// unsettled for long, would keep all settled entries behind.
func (t *tracker) compact() {
	kept := make([]entry, 0, 2*t.open+1)
	for i, e := range t.entries {
		if !e.settled || i+1 == len(t.entries) || !t.entries[i+1].settled {
			kept = append(kept, e)
		}
	}
	t.entries = kept
}

// position returns the last position with all read events settled.
func (t *tracker) position() events.Position {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.settled
}
