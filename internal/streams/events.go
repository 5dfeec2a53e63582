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
	stream jetstream.Stream

	mu       sync.Mutex
	epoch    int64
	verified time.Time // the server's time of the last look at the epoch
}

// OpenEvents opens the stream of events.
func OpenEvents(ctx context.Context, c Client, stream string) (*Events, error) {
	s, err := c.stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	e := &Events{client: c, name: stream, stream: s}
	e.note(s.CachedInfo())
	return e, nil
}

// FirstSequence returns the position of the first event of the stream, or of the next event
// if the stream is empty.
func (e *Events) FirstSequence(ctx context.Context) (events.Position, error) {
	info, err := e.client.info(ctx, e.stream)
	if err != nil {
		return events.Position{}, fmt.Errorf("stream %s: %w", e.name, err)
	}
	e.note(info)
	return events.Position{Epoch: info.Created.UnixNano(), Seq: max(1, info.State.FirstSeq)}, nil
}

// Get returns the event at a position. ErrGone reports an event no longer in the stream, or a
// position in another epoch.
func (e *Events) Get(ctx context.Context, p events.Position) (Message, error) {
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
	return Message{Position: p, Subject: m.Subject, Header: m.Header, Data: m.Data, Stored: m.Time}, nil
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

// note keeps the epoch of the stream and the time of the look.
func (e *Events) note(info *jetstream.StreamInfo) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !info.TimeStamp.Before(e.verified) {
		e.epoch, e.verified = info.Created.UnixNano(), info.TimeStamp
	}
}

func (e *Events) seen() (epoch int64, verified time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.epoch, e.verified
}

// get reads a message. With direct reads, a lagging follower may answer without the message,
// so only the leader's answer proves a message gone.
func (e *Events) get(ctx context.Context, seq uint64) (*jetstream.RawStreamMsg, error) {
	limited, cancel := e.client.call(ctx)
	defer cancel()
	m, err := e.stream.GetMsg(limited, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) && e.stream.CachedInfo().Config.AllowDirect {
		return e.client.fromLeader(ctx, e.name, map[string]any{"seq": seq})
	}
	return m, err
}
