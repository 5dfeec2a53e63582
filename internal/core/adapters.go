package core

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/intake"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// The types of the package streams in the forms of the mailbox and the intake.

// records are the records of users, and of activity events in another bucket.
type records struct{ users, events *streams.Records }

// of returns the bucket of a key.
func (r records) of(key string) *streams.Records {
	if record.IsActivityKey(key) {
		return r.events
	}
	return r.users
}

func (r records) Load(ctx context.Context, key string) ([]byte, uint64, error) {
	return r.of(key).Load(ctx, key)
}

func (r records) Store(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	stored, err := r.of(key).Store(ctx, key, value, revision)
	if errors.Is(err, streams.ErrStaleRevision) {
		err = mailbox.ErrStaleRevision
	}
	return stored, err
}

// single reads single events.
type single struct {
	events *streams.Events
	stream string
}

func (s single) Get(ctx context.Context, p events.Position) (mailbox.Message, error) {
	m, err := s.events.Get(ctx, p)
	if errors.Is(err, streams.ErrGone) {
		err = mailbox.ErrGone
	}
	return message(s.stream, m), err
}

func message(stream string, m streams.Message) mailbox.Message {
	return mailbox.Message{Stream: stream, Position: m.Position, Subject: m.Subject, Header: m.Header, Payload: m.Data, Stored: m.Stored}
}

type reader struct {
	*streams.EventReader
	stream string
}

func (r reader) Next(ctx context.Context, limit int) ([]mailbox.Message, error) {
	list, err := r.EventReader.Next(ctx, limit)
	out := make([]mailbox.Message, len(list))
	for i, m := range list {
		out[i] = message(r.stream, m)
	}
	return out, err
}

// wakeWait is how long a fetch of wakes waits.
const wakeWait = time.Second

type wakes struct {
	*streams.Wakes
	vendor string
}

// Close deletes the consumer; the next owner would do so otherwise.
func (w wakes) Close(ctx context.Context) { _ = w.Wakes.Close(ctx) }

func (w wakes) Next(ctx context.Context, limit int) ([]intake.Wake, error) {
	list, err := w.Fetch(ctx, limit, wakeWait)
	out := make([]intake.Wake, len(list))
	for i, one := range list {
		out[i] = intake.Wake{User: w.vendor + "." + one.Digest, Ack: func() { _ = one.Ack() }} // a lost ack only wakes once more
	}
	return out, err
}

type timers struct {
	*streams.Timers
	vendor string
	token  uint64
}

func (t timers) Arm(ctx context.Context, user string, due time.Time) error {
	_, digest, _ := strings.Cut(user, ".") // and the event key of an activity
	return t.Timers.Arm(ctx, streams.Timer{Vendor: t.vendor, Digest: digest, Token: t.token, Due: due})
}

// replays reads and removes single replays.
type replays struct{ *streams.Replays }

func (r replays) Get(ctx context.Context, seq uint64) (mailbox.Message, error) {
	m, err := r.Replays.Get(ctx, seq)
	if errors.Is(err, streams.ErrGone) {
		err = mailbox.ErrGone
	}
	return replay(m), err
}

// replay returns a message of the stream of replays with the position of the event. The
// message of a stranger gets a position before all events.
func replay(m streams.Message) mailbox.Message {
	first := events.Position{Seq: m.Position.Seq}
	if r, ok := streams.ReadReplayHeader(m.Header); ok {
		first = events.Position{Epoch: r.Epoch, Seq: r.Seq}
	}
	return mailbox.Message{Stream: streams.ReplaysStream, Position: first, Subject: m.Subject, Header: m.Header, Payload: m.Data, Stored: m.Stored}
}

type replayReader struct{ *streams.EventReader }

func (r replayReader) Next(ctx context.Context, limit int) ([]intake.Replay, error) {
	list, err := r.EventReader.Next(ctx, limit)
	out := make([]intake.Replay, len(list))
	for i, m := range list {
		out[i] = intake.Replay{Position: m.Position, Message: replay(m)}
	}
	return out, err
}
