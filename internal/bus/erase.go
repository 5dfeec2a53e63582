package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Extent is how far a stream reaches.
type Extent struct {
	Epoch    int64 // when it was made, in nanoseconds
	Messages uint64
	Last     uint64 // the sequence of the last message that it was given, there or not
}

// Extent asks how far a stream reaches.
func (b *Bus) Extent(ctx context.Context, name string) (Extent, error) {
	stream, err := b.stream(ctx, name)
	if err != nil {
		return Extent{}, err
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
