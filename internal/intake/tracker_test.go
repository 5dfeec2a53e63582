package intake

import (
	"context"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
)

func at(seq uint64) events.Position { return events.Position{Epoch: 1, Seq: seq} }

// One event that is not settled keeps neither the events settled behind it in memory, nor
// the position once it is settled.
func TestTrackerStaysSmall(t *testing.T) {
	const many = 200_000
	tr := newTracker(events.Position{}, eventBounds)
	for seq := uint64(1); seq <= many; seq++ {
		if err := tr.add(t.Context(), at(seq), 10); err != nil {
			t.Fatal(err)
		}
		if seq != 1 && seq != many/2 {
			tr.settle(at(seq))
		}
		if len(tr.entries) > 4*compactFrom {
			t.Fatalf("%d entries with %d open", len(tr.entries), tr.open)
		}
	}
	tr.settle(at(7)) // once more
	if tr.position() != (events.Position{}) {
		t.Errorf("got %v before the first event is settled", tr.position())
	}
	tr.settle(at(1))
	if tr.position() != at(many/2-1) {
		t.Errorf("got %v, want %v", tr.position(), at(many/2-1))
	}
	tr.settle(at(many / 2))
	if tr.position() != at(many) || tr.bytes != 0 || tr.open != 0 {
		t.Errorf("got %v, %d bytes, %d open", tr.position(), tr.bytes, tr.open)
	}
}

// Reading waits while too much is not settled, in number or in bytes.
func TestTrackerIsBounded(t *testing.T) {
	for name, bytes := range map[string]int{"number": 0, "bytes": eventBounds.mostBytes / 10} {
		t.Run(name, func(t *testing.T) {
			tr := newTracker(events.Position{}, eventBounds)
			ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer stop()
			seq := uint64(0)
			for tr.add(ctx, at(seq+1), bytes) == nil {
				if seq++; seq > uint64(eventBounds.mostOpen) {
					t.Fatal("no bound")
				}
			}
			tr.settle(at(1))
			if err := tr.add(t.Context(), at(seq+1), bytes); err != nil {
				t.Error(err)
			}
		})
	}
}

// The position moves past messages that left the stream, but never past an event that is
// read and not settled, and never back.
func TestTrackerSkipsRemovedEvents(t *testing.T) {
	tr := newTracker(at(3), eventBounds)
	tr.skip(at(10))
	if tr.position() != at(10) {
		t.Errorf("got %v, want 10", tr.position())
	}
	for _, seq := range []uint64{9, 12} { // 9 was read before it left
		if err := tr.add(t.Context(), at(seq), 10); err != nil {
			t.Fatal(err)
		}
	}
	tr.skip(at(20))
	tr.settle(at(9))
	if tr.position() != at(10) {
		t.Errorf("got %v, want 10", tr.position())
	}
	tr.settle(at(12))
	tr.skip(at(20))
	if tr.position() != at(20) {
		t.Errorf("got %v, want 20", tr.position())
	}
}
