package intake

import (
	"context"
	"slices"
	"sync"

	"github.com/usherhq/usher/events"
)

// tracker knows the position up to which every event that was read is settled: finished, or
// registered with a timer. Events that are read and not settled are bounded in number and in
// bytes.
type tracker struct {
	bounds

	mu      sync.Mutex
	entries []entry // read, in the order of the stream, from the first that is not settled
	settled events.Position
	open    int
	bytes   int
	room    chan struct{} // closed when an event was settled; a new one for each wait
}

type entry struct {
	position events.Position
	bytes    int
	settled  bool
}

// bounds limit the events that are read and not settled. A single event may be larger.
type bounds struct{ mostOpen, mostBytes int }

// eventBounds are the bounds of events. They are generous, since an event that is not settled
// holds back no event of another user.
var eventBounds = bounds{mostOpen: 50_000, mostBytes: 64 << 20}

// newTracker returns a tracker of a reader that begins behind position.
func newTracker(position events.Position, b bounds) *tracker {
	return &tracker{bounds: b, settled: position, room: make(chan struct{})}
}

// add notes an event that was read. It waits until there is room.
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

// settle notes that an event is settled.
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

// skip notes that no event up to p is left to read.
func (t *tracker) skip(p events.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.settled.Before(p) && (len(t.entries) == 0 || p.Before(t.entries[0].position)) {
		t.settled = p
	}
}

// compactFrom is the number of settled entries from which on they are compacted.
const compactFrom = 1024

// compact keeps of each run of settled entries the last one. Otherwise one event that is not
// settled for long would keep all that are settled behind it.
func (t *tracker) compact() {
	kept := make([]entry, 0, 2*t.open+1)
	for i, e := range t.entries {
		if !e.settled || i+1 == len(t.entries) || !t.entries[i+1].settled {
			kept = append(kept, e)
		}
	}
	t.entries = kept
}

// position returns the position up to which every event is settled.
func (t *tracker) position() events.Position {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.settled
}
