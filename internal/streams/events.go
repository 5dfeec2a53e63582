package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// Message is a stored event.
type Message struct {
	Position events.Position
	Subject  string
	Header   nats.Header
	Data     []byte
	Stored   time.Time // the server's time
}

// Events is the stream of events. The methods may be called concurrently.
type Events struct {
	client Client
	name   string
	key    []byte // of the seals of signed deliveries; empty: no seals
	room   room

	mu       sync.Mutex
	stream   jetstream.Stream // nil until the first read
	epoch    int64
	verified time.Time // the server's time of the last look at the epoch
}

// NewEvents returns the stream of events with a name. The stream may be created later.
func NewEvents(c Client, stream string) *Events { return &Events{client: c, name: stream} }

// SealWith sets the key of the seals; see events.Seal. Call SealWith before the first use.
func (e *Events) SealWith(key []byte) { e.key = key }

// FirstSequence returns the position of the first event of the stream, or of the next event
// if the stream is empty.
func (e *Events) FirstSequence(ctx context.Context) (events.Position, error) {
	s, err := e.look(ctx)
	if err != nil {
		return events.Position{}, err
	}
	extent := extentOf(s.CachedInfo())
	return events.Position{Epoch: extent.Epoch, Seq: extent.First}, nil
}

// Get returns the event at a position. ErrGone reports an event no longer in the stream, or a
// position in another epoch.
func (e *Events) Get(ctx context.Context, p events.Position) (Message, error) {
	if p.Seq == 0 { // the zero Position, or an event without a position
		return Message{}, fmt.Errorf("event %d: %w", p.Seq, ErrGone)
	}
	m, err := e.get(ctx, p.Seq)
	if err == nil || errors.Is(err, jetstream.ErrMsgNotFound) {
		if epochErr := e.checkEpoch(ctx, p, m); epochErr != nil {
			return Message{}, epochErr
		}
	}
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return Message{}, fmt.Errorf("event %d: %w", p.Seq, ErrGone)
	case err != nil:
		return Message{}, fmt.Errorf("event %d: %w", p.Seq, err)
	}
	return Message{Position: p, Subject: e.client.Names.plain(m.Subject), Header: m.Header, Data: m.Data, Stored: m.Time}, nil
}

// checkEpoch returns ErrGone if the message belongs to another epoch than the position. A
// message stored before the last look at the stream belongs to the epoch of the look, since a
// stream made anew holds later messages only: most reads need no second request.
func (e *Events) checkEpoch(ctx context.Context, p events.Position, m *jetstream.RawStreamMsg) error {
	epoch, verified := e.seen()
	if m == nil || p.Epoch != epoch || !m.Time.Before(verified) {
		if _, err := e.FirstSequence(ctx); err != nil {
			return err
		}
		epoch, _ = e.seen()
	}
	if p.Epoch != epoch {
		return fmt.Errorf("event %d of another epoch: %w", p.Seq, ErrGone)
	}
	return nil
}

// look reads the state of the stream, and keeps the epoch and the time of the look.
func (e *Events) look(ctx context.Context) (jetstream.Stream, error) {
	s, err := e.client.stream(ctx, e.name)
	if err != nil {
		return nil, err
	}
	info := s.CachedInfo()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !info.TimeStamp.Before(e.verified) {
		e.stream = s
		e.epoch = info.Created.UnixNano()
		e.verified = info.TimeStamp
	}
	return s, nil
}

// open returns a handle of the stream. Only the first call asks the server.
func (e *Events) open(ctx context.Context) (jetstream.Stream, error) {
	e.mu.Lock()
	s := e.stream
	e.mu.Unlock()
	if s != nil {
		return s, nil
	}
	return e.look(ctx)
}

func (e *Events) seen() (epoch int64, verified time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.epoch, e.verified
}

// get reads a message. With direct reads, a lagging follower may answer without the message,
// so only the leader's answer proves a message gone.
func (e *Events) get(ctx context.Context, seq uint64) (*jetstream.RawStreamMsg, error) {
	s, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	limited, cancel := e.client.call(ctx)
	defer cancel()
	m, err := s.GetMsg(limited, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) && s.CachedInfo().Config.AllowDirect {
		return e.client.fromLeader(ctx, e.name, map[string]any{"seq": seq})
	}
	return m, err
}
