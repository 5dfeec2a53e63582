package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Stored is a message as it stands in a stream.
type Stored struct {
	Stream  string
	Seq     uint64
	Subject string
	Time    time.Time // when it was stored
	Header  map[string][]string
	Payload []byte
}

// Extent is how far a stream reaches.
type Extent struct {
	Epoch    int64 // when it was made, in nanoseconds
	Messages uint64
	Last     uint64 // the sequence of the last message that it was given, there or not
}

// Extent asks how far a stream reaches.
func (b *Bus) Extent(ctx context.Context, name string) (Extent, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	stream, err := b.js.Stream(ctx, name)
	if err != nil {
		return Extent{}, fmt.Errorf("stream %s: %w", name, err)
	}
	i := stream.CachedInfo()
	return Extent{Epoch: i.Created.UnixNano(), Messages: i.State.Msgs, Last: i.State.LastSeq}, nil
}

// readAgain is how often Messages takes up a reading that broke off, without any
// message in between.
const readAgain = 5

// Messages calls yield with each message of a stream up to a sequence, oldest
// first, until it returns an error, which it returns. A reading that breaks off is
// taken up where it was.
func (b *Bus) Messages(ctx context.Context, name string, upTo uint64, yield func(Stored) error) error {
	last, failed, enough := uint64(0), 0, error(nil)
	for last < upTo {
		r := reading{stream: name, consumer: jetstream.OrderedConsumerConfig{
			DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: last + 1,
		}}
		err := b.scan(ctx, r, func(m jetstream.Msg) bool {
			meta, err := m.Metadata()
			if err != nil || meta.Sequence.Stream > upTo {
				return false
			}
			last, failed = meta.Sequence.Stream, 0
			enough = yield(Stored{Stream: name, Seq: last, Subject: m.Subject(), Time: meta.Timestamp, Header: m.Headers(), Payload: m.Data()})
			return enough == nil && last < upTo
		})
		if enough != nil || err == nil {
			return enough
		}
		if failed++; failed > readAgain || ctx.Err() != nil || errors.Is(err, jetstream.ErrStreamNotFound) {
			return err
		}
	}
	return nil
}

// Message reads one message of a stream, or returns ErrGone.
func (b *Bus) Message(ctx context.Context, name string, seq uint64) (Stored, error) {
	m, err := b.from(ctx, name, seq, "")
	if err == nil && m.Sequence != seq {
		err = ErrGone
	}
	if err != nil {
		return Stored{}, err
	}
	return stored(name, m), nil
}

// Replays calls yield with each message on its way to a vendor once more: a
// work queue can be read by its one consumer, or message by message.
func (b *Bus) Replays(ctx context.Context, yield func(vendor string, m Stored)) error {
	for seq := uint64(1); ; seq++ {
		m, err := b.from(ctx, ReplaysStream, seq, "usher.replay.>")
		switch {
		case errors.Is(err, ErrGone):
			return nil
		case err != nil:
			return err
		}
		seq = m.Sequence
		yield(tokenOf(m.Subject, 2), stored(ReplaysStream, m))
	}
}

// from reads the message at seq, or, of a subject, the first at or behind it.
func (b *Bus) from(ctx context.Context, name string, seq uint64, subject string) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	stream, err := b.js.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	var opts []jetstream.GetMsgOpt
	if subject != "" {
		opts = append(opts, jetstream.WithGetMsgSubject(subject))
	}
	m, err := stream.GetMsg(ctx, seq, opts...)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil, ErrGone
	case err != nil:
		return nil, fmt.Errorf("message %d of %s: %w", seq, name, err)
	}
	return m, nil
}

func stored(name string, m *jetstream.RawStreamMsg) Stored {
	return Stored{Stream: name, Seq: m.Sequence, Subject: m.Subject, Time: m.Time, Header: m.Header, Payload: m.Data}
}

// Erase removes a message, and has the server write over its bytes on the disk. One
// that is not there any more is no error.
func (b *Bus) Erase(ctx context.Context, name string, seq uint64) error {
	limit, cancel := context.WithTimeout(ctx, 2*CallTimeout) // the server writes a whole file anew
	defer cancel()
	stream, err := b.js.Stream(limit, name)
	if err != nil {
		return fmt.Errorf("stream %s: %w", name, err)
	}
	err = stream.SecureDeleteMsg(limit, seq)
	if errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) { // nothing more is said of why
		if _, gone := b.Message(ctx, name, seq); errors.Is(gone, ErrGone) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("erase message %d of %s: %w", seq, name, err)
	}
	return nil
}
