package streams

import (
	"context"
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"
)

// room is the last answer about the room of a stream, less the bytes that this process has stored since.
// Readers never wait for the server.
type room struct {
	last  atomic.Pointer[extentLeft]
	taken atomic.Int64
}

// extentLeft is the bytes left in a stream, and the limit.
type extentLeft struct{ left, limit int64 }

// read returns the last answer; zeros before the first one.
func (r *room) read() (left, limit int64) {
	if last := r.last.Load(); last != nil {
		return max(0, last.left-r.taken.Load()), last.limit
	}
	return 0, 0
}

// look asks the server. Without an answer the room is not known.
func (r *room) look(ctx context.Context, c Client, stream string) {
	now, before := &extentLeft{}, r.taken.Load()
	if s, err := c.stream(ctx, stream); err == nil {
		if info := s.CachedInfo(); info.Config.MaxBytes > 0 && info.Config.Discard == jetstream.DiscardNew {
			now.limit = info.Config.MaxBytes
			now.left = now.limit - int64(min(info.State.Bytes, uint64(now.limit)))
		}
	}
	r.last.Store(now)
	r.taken.Add(-before)
}

// Room returns the bytes left in the stream and its limit at the last LookAtRoom, at once. A limit of
// zero is none, or not known. A stream that discards old messages has none either: there is always room.
func (e *Events) Room() (left, limit int64) { return e.room.read() }

// Room is Events.Room of the dead letters.
func (l *DeadLetters) Room() (left, limit int64) { return l.room.read() }

// LookAtRoom asks for the room of the streams with a reserve. Meanwhile the answers before are
// in use.
func (s *Set) LookAtRoom(ctx context.Context) {
	s.Events.room.look(ctx, s.Client, s.Events.name)
	s.DeadLetters.room.look(ctx, s.Client, DeadLettersStream)
}
