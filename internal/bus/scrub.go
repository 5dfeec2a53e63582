package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The server writes over the bytes of a message that is erased (Erase), not over those
// of one that was replaced, acknowledged or too old: they stay in their file, of 8 MB
// at most, until the server writes it anew or removes it. It removes a file that holds
// no message any more at once; it writes one anew that is the last no longer, where
// less than half of it are messages, within its sync_interval (2 minutes by default).

const (
	padding   = 9 << 20   // more than a file takes
	padAtOnce = 512 << 10 // of padding in a message
)

// pad has a stream begin a new file, by junk on a subject that nobody reads.
func (b *Bus) pad(ctx context.Context, subject string) (last uint64, err error) {
	junk := make([]byte, padAtOnce)
	if limit := b.MaxMessage() - headerRoom; limit > 0 && limit < padAtOnce {
		junk = junk[:limit]
	}
	for left := padding; left > 0; left -= len(junk) {
		if last, err = b.place(ctx, &nats.Msg{Subject: subject, Data: junk}); err != nil {
			return 0, err
		}
	}
	return last, nil
}

// place stores a message, and returns its sequence.
func (b *Bus) place(ctx context.Context, m *nats.Msg) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	ack, err := b.js.PublishMsg(ctx, m)
	if err != nil {
		return 0, b.unstored(m.Subject, err)
	}
	return ack.Sequence, nil
}

// Vacate has the server remove the files of a stream that holds no message. It
// returns false where the stream holds one.
func (b *Bus) Vacate(ctx context.Context, name string) (bool, error) {
	at, err := b.Extent(ctx, name)
	if err != nil || at.Messages > 0 {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	stream, err := b.js.Stream(ctx, name)
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSequence(at.Last+1)) // what came since stays
	}
	if err != nil {
		return false, fmt.Errorf("empty the files of %s: %w", name, err)
	}
	return true, nil
}

// CloseDead has the stream of dead letters begin a new file, so that the server
// writes the former ones anew where most of what they hold is gone.
func (b *Bus) CloseDead(ctx context.Context) error {
	last, err := b.pad(ctx, "usher.dead.padding")
	if err != nil {
		return err
	}
	return b.Erase(ctx, DeadStream, last)
}

// paddingKey is that of junk in a bucket. No record has such a key.
const paddingKey = "padding"

// CloseBucket has a bucket begin a new file.
func (b *Bus) CloseBucket(ctx context.Context, bucket string) error {
	if _, err := b.pad(ctx, bucketSubject(bucket, paddingKey)); err != nil {
		return err
	}
	kv, err := b.bucket(ctx, bucket)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	if err := kv.Delete(ctx, paddingKey); err != nil {
		return fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return nil
}

// renewAtOnce is how many records are stored again at a time.
const renewAtOnce = 500

// Renew stores every record of a bucket again as it is, in a new file, so that the
// server removes the former ones, with the bytes of records that were replaced. A
// record that is changed meanwhile is in a new file by that. To progress it tells how
// many were stored.
func (b *Bus) Renew(ctx context.Context, bucket string, progress func(int)) error {
	if err := b.CloseBucket(ctx, bucket); err != nil {
		return err
	}
	at, err := b.Extent(ctx, "KV_"+bucket)
	if err != nil {
		return err
	}
	done := 0
	var waiting []jetstream.PubAckFuture
	settle := func() error {
		for _, ack := range waiting {
			if err := renewed(ctx, ack); err != nil {
				return err
			}
		}
		done, waiting = done+len(waiting), waiting[:0]
		progress(done)
		return nil
	}
	err = b.Messages(ctx, "KV_"+bucket, at.Last, func(m Stored) error {
		if len(m.Payload) == 0 { // what stands for a key that was deleted
			return nil
		}
		ack, err := b.async.PublishMsgAsync(&nats.Msg{Subject: m.Subject, Data: m.Payload}, jetstream.WithExpectLastSequencePerSubject(m.Seq))
		if err != nil {
			return b.unstored(m.Subject, err)
		}
		if waiting = append(waiting, ack); len(waiting) < renewAtOnce {
			return nil
		}
		return settle()
	})
	return errors.Join(err, settle())
}

// renewed waits until a record is stored again. One that was changed meanwhile is.
func renewed(ctx context.Context, ack jetstream.PubAckFuture) error {
	select {
	case <-ack.Ok():
		return nil
	case err := <-ack.Err():
		if moved(err) {
			return nil
		}
		return fmt.Errorf("store %s again: %w", ack.Msg().Subject, err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func bucketSubject(bucket, key string) string { return "$KV." + bucket + "." + key }
