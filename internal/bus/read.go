package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrGone is returned for a message that is no longer in its stream.
var ErrGone = errors.New("the event is no longer kept")

// Stored is a message as it stands in a stream.
type Stored struct {
	Stream  string
	Seq     uint64
	Subject string
	Time    time.Time // when it was stored
	Header  map[string][]string
	Payload []byte
}

// Message reads one message of a stream, or returns ErrGone.
func (b *Bus) Message(ctx context.Context, name string, seq uint64) (Stored, error) {
	stream, err := b.stream(ctx, name)
	if err != nil {
		return Stored{}, err
	}
	return messageAt(ctx, stream, seq, "")
}

// stream returns a handle of a stream, with the stream's state as it is now.
func (b *Bus) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	stream, err := b.js.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return stream, nil
}

// messageAt reads the message at seq or, of a subject, the first at or behind seq. It
// returns ErrGone if there is none. Any replica answers if the stream allows direct
// access.
func messageAt(ctx context.Context, stream jetstream.Stream, seq uint64, subject string) (Stored, error) {
	var opts []jetstream.GetMsgOpt
	if subject != "" {
		opts = append(opts, jetstream.WithGetMsgSubject(subject))
	}
	return readOne(ctx, stream, func(ctx context.Context) (*jetstream.RawStreamMsg, error) { return stream.GetMsg(ctx, seq, opts...) })
}

// lastMessage reads the newest message on a subject, or returns ErrGone.
func lastMessage(ctx context.Context, stream jetstream.Stream, subject string) (Stored, error) {
	return readOne(ctx, stream, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return stream.GetLastMsgForSubject(ctx, subject)
	})
}

func readOne(ctx context.Context, stream jetstream.Stream, get func(context.Context) (*jetstream.RawStreamMsg, error)) (Stored, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	name := stream.CachedInfo().Config.Name
	m, err := get(ctx)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return Stored{}, ErrGone
	case err != nil:
		return Stored{}, fmt.Errorf("message of %s: %w", name, err)
	}
	return Stored{Stream: name, Seq: m.Sequence, Subject: m.Subject, Time: m.Time, Header: m.Header, Payload: m.Data}, nil
}

// Replays calls yield with each message that is on its way to the vendor once more,
// or to any vendor if vendor is empty.
func (b *Bus) Replays(ctx context.Context, vendor string, yield func(vendor string, m Stored)) error {
	subject := "usher.replay.>"
	if vendor != "" {
		subject = "usher.replay." + vendor + ".>"
	}
	r := reading{stream: ReplaysStream, consumer: jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}}}
	var bad error
	err := b.scan(ctx, r, func(m jetstream.Msg) bool {
		meta, err := m.Metadata()
		if err != nil {
			bad = err
			return false
		}
		yield(tokenOf(m.Subject(), 2), Stored{
			Stream: ReplaysStream, Seq: meta.Sequence.Stream, Subject: m.Subject(), Time: meta.Timestamp, Header: m.Headers(), Payload: m.Data(),
		})
		return true
	})
	return errors.Join(err, bad)
}
