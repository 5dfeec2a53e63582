package bounded

import "context"

// Room limits how many large texts are in memory at a time, from the read to the end of decoding.
// One element is the room for one text.
type Room chan struct{}

// NewRoom returns room for a number of texts.
func NewRoom(texts int) Room { return make(Room, texts) }

// Take waits for room for one text, at most until ctx ends. The caller calls Free after decoding.
func (r Room) Take(ctx context.Context) error {
	select {
	case r <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Free returns the room for one text.
func (r Room) Free() { <-r }
