package worker

import (
	"context"
	"sync"
	"time"
)

// holding is the messages of one lane that this process has: no more than it
// has room for, and each renewed until it is let go, so that the server does not
// take it for lost.
type holding struct {
	room    int
	ceiling time.Duration // the longest that a message is renewed
	freed   chan struct{} // holds one: something was let go since it was last read

	mu     sync.Mutex
	held   map[Message]time.Time // since when
	tenure *tenure
}

func newHolding(room int, ceiling time.Duration) *holding {
	return &holding{room: room, ceiling: ceiling, freed: make(chan struct{}, 1), held: map[Message]time.Time{}, tenure: newTenure()}
}

func (h *holding) take(m Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held[m] = time.Now()
}

// current is the tenure under which messages are taken now.
func (h *holding) current() *tenure {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tenure
}

// unpinned ends the tenure: what has not begun under it is given back.
func (h *holding) unpinned() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.tenure.over)
	h.tenure = newTenure()
}

func (h *holding) free(m Message) {
	h.mu.Lock()
	delete(h.held, m)
	h.mu.Unlock()
	select {
	case h.freed <- struct{}{}:
	default:
	}
}

// left is how many more messages there is room for.
func (h *holding) left() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.room - len(h.held)
}

// wait returns how many messages may be asked for. Where there is little room
// it waits a moment for more, and where there is none as long as patience.
func (h *holding) wait(ctx context.Context, patience time.Duration) int {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for h.left() <= 0 {
		select {
		case <-ctx.Done():
			return 0
		case <-limit.C:
			return 0
		case <-h.freed:
		}
	}
	moment := time.NewTimer(gather)
	defer moment.Stop()
	for h.left() < h.room/4 {
		select {
		case <-moment.C:
			return h.left()
		case <-h.freed:
		}
	}
	return h.left()
}

// older returns the messages held for at least age, and not beyond the ceiling.
func (h *holding) older(age time.Duration) []Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []Message
	for m, since := range h.held {
		if held := time.Since(since); held >= age && held < h.ceiling {
			list = append(list, m)
		}
	}
	return list
}

// renew renews what is held, every third of ackWait, until ctx ends. A renewal
// that fails is not repeated: the ledger, not the lease, keeps a change from
// being made twice.
func (h *holding) renew(ctx context.Context, ackWait time.Duration) {
	every := ackWait / 3
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		limit, cancel := context.WithTimeout(ctx, every)
		var calls sync.WaitGroup
		for _, m := range h.older(every / 2) {
			calls.Go(func() { _ = m.Renew(limit) })
		}
		calls.Wait()
		cancel()
	}
}
