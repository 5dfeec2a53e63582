package activity

import (
	"context"
	"sync"
	"time"

	"github.com/usherhq/usher/internal/mailbox"
)

// placeBytes are the bytes of a message for one place in the hand: a large message takes several,
// so that the hand is bounded in bytes too.
const placeBytes = 64 << 10

// hand holds the messages in the hands of this process: a bounded number, and each renewed
// until dropped, so the server takes none for lost.
type hand struct {
	most    int
	ackWait time.Duration
	dropped chan struct{} // has a value after a drop

	mu    sync.Mutex
	items map[*item]time.Time // by the earliest possible beginning of AckWait
	used  int                 // places of the items
}

// item is a message in hand.
type item struct {
	message Message
	event   *mailbox.Event
}

func newHand(most int, ackWait time.Duration) *hand {
	return &hand{most: most, ackWait: ackWait, dropped: make(chan struct{}, 1), items: map[*item]time.Time{}}
}

func (h *hand) take(m Message) *item {
	i := &item{message: m}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.items[i] = time.Now()
	h.used += i.places()
	return i
}

func (h *hand) drop(i *item) {
	h.mu.Lock()
	if _, ok := h.items[i]; ok {
		delete(h.items, i)
		h.used -= i.places()
	}
	h.mu.Unlock()
	select {
	case h.dropped <- struct{}{}:
	default:
	}
}

// places returns the number of places of a message.
func (i *item) places() int { return 1 + len(i.message.Event().Payload)/placeBytes }

// free returns the number of small messages with room.
func (h *hand) free() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(0, h.most-h.used)
}

// gather is how long room is gathered before a small fetch.
const gather = 5 * time.Millisecond

// room waits for room and returns the number of messages for a fetch: a quarter of the
// room at least, unless less becomes free for a moment. After a second, and at the end of ctx,
// room returns the present room.
func (h *hand) room(ctx context.Context) int {
	h.until(ctx, time.Second, 1)
	h.until(ctx, gather, h.most/4)
	return h.free()
}

// until waits until there is room for n messages, for as long as limit.
func (h *hand) until(ctx context.Context, limit time.Duration, n int) {
	if h.free() >= n {
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for h.free() < n {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-h.dropped:
		}
	}
}

// isFresh reports whether the server cannot have given the message to another process: the
// message was delivered or renewed within half of AckWait.
func (h *hand) isFresh(i *item) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	since, ok := h.items[i]
	return ok && time.Since(since) < h.ackWait/2
}

// renew renews the messages in hand, each after a sixth to a half of AckWait, until ctx ends.
func (h *hand) renew(ctx context.Context) {
	every := h.ackWait / 6
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
		for _, i := range h.older(every) {
			calls.Go(func() { h.renewOne(limit, i) })
		}
		calls.Wait()
		cancel()
	}
}

// older returns the messages without a renewal for at least age.
func (h *hand) older(age time.Duration) (list []*item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, since := range h.items {
		if time.Since(since) >= age {
			list = append(list, i)
		}
	}
	return list
}

// renewOne renews a message. A message whose AckWait may have run out is left alone, since
// another process may have it.
func (h *hand) renewOne(ctx context.Context, i *item) {
	sent := time.Now()
	if i.message.Renew(ctx) != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if since, ok := h.items[i]; ok && time.Since(since) < h.ackWait {
		h.items[i] = sent
	}
}
