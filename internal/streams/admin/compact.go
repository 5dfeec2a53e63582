package admin

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

// The server overwrites the bytes of an erased message (Client.Erase), but not of a replaced,
// acknowledged or expired message: these bytes stay in a file of 8 MB at most until the server
// rewrites or removes the file. The server removes a file without messages at once. A file that
// is not the last, with less than half of its bytes in messages, is rewritten within the
// server's sync_interval (2 minutes by default).

const (
	paddingBytes   = 9 << 20   // more than the size of a file
	paddingMessage = 512 << 10 // the size of one message of padding
	// paddingKey is the key of padding in a bucket. No record has such a key.
	paddingKey = "padding"
	// rewritesAtOnce bounds the unacknowledged records of RewriteBucket.
	rewritesAtOnce = 500
)

// Compactor lets the server remove bytes of messages that are no longer stored.
type Compactor struct{ client streams.Client }

// NewCompactor returns a Compactor.
func NewCompactor(c streams.Client) Compactor { return Compactor{c} }

// startFile lets a stream start a new file, by padding on a subject without readers. Returns the
// sequence of the last message.
func (c Compactor) startFile(ctx context.Context, stream, subject string) (last uint64, err error) {
	data := make([]byte, paddingMessage)
	if limit := c.client.JetStream.Conn().MaxPayload() - 1<<10; limit > 0 && limit < paddingMessage {
		data = data[:limit]
	}
	for left := paddingBytes; left > 0; left -= len(data) {
		ack, err := c.client.Publish(ctx, stream, &nats.Msg{Subject: subject, Data: data})
		if err != nil {
			return 0, err
		}
		last = ack.Sequence
	}
	return last, nil
}

// CompactEmpty lets the server remove the files of a stream without messages. Reports false for
// a stream with messages.
func (c Compactor) CompactEmpty(ctx context.Context, name string) (bool, error) {
	extent, err := c.client.Extent(ctx, name)
	if err != nil || extent.Messages > 0 {
		return false, err
	}
	return true, c.purge(ctx, name, extent.Last)
}

// purge removes the messages of a stream up to a sequence. Later messages stay.
func (c Compactor) purge(ctx context.Context, name string, last uint64) error {
	ctx, cancel := context.WithTimeout(ctx, streams.CallTimeout)
	defer cancel()
	stream, err := c.client.JetStream.Stream(ctx, c.client.Names.Stream(name))
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSequence(last+1))
	}
	if err != nil {
		return fmt.Errorf("compact %s: %w", name, err)
	}
	return nil
}

// CompactNoDeadLetters lets the server remove the files of a stream of dead letters that has only
// markers of removed ones. Reports false for a stream with dead letters.
func (c Compactor) CompactNoDeadLetters(ctx context.Context) (bool, error) {
	extent, err := c.client.Extent(ctx, streams.DeadLettersStream)
	if err != nil {
		return false, err
	}
	for m, err := range c.client.Messages(ctx, streams.DeadLettersStream, streams.Query{}) {
		if err != nil || len(m.Data) > 0 {
			return false, err
		}
	}
	return true, c.purge(ctx, streams.DeadLettersStream, extent.Last)
}

// CompactDeadLetters lets the stream of dead letters start a new file, so that the server
// rewrites the former files with few remaining messages.
func (c Compactor) CompactDeadLetters(ctx context.Context) error {
	last, err := c.startFile(ctx, streams.DeadLettersStream, streams.DeadLetterSubject+"."+paddingKey)
	if err != nil {
		return err
	}
	return c.client.Erase(ctx, streams.DeadLettersStream, last)
}

// CompactBucket lets a bucket start a new file, so that the server rewrites the former files
// with few remaining records.
func (c Compactor) CompactBucket(ctx context.Context, bucket string) error {
	if _, err := c.startFile(ctx, "KV_"+bucket, "$KV."+c.client.Names.Bucket(bucket)+"."+paddingKey); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, streams.CallTimeout)
	defer cancel()
	kv, err := c.client.JetStream.KeyValue(ctx, c.client.Names.Bucket(bucket))
	if err == nil {
		err = kv.Delete(ctx, paddingKey)
	}
	if err != nil {
		return fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return nil
}

// RewriteBucket stores every record of a bucket again in a new file, so that the server removes
// the former files with the bytes of replaced records. A record that changes meanwhile is in a
// new file already. Progress is called with the number of stored records.
func (c Compactor) RewriteBucket(ctx context.Context, bucket string, progress func(int)) error {
	if err := c.CompactBucket(ctx, bucket); err != nil {
		return err
	}
	done, stream := 0, "KV_"+bucket
	var waiting []streams.Publication
	await := func() error {
		for _, p := range waiting {
			if err := p.Wait(ctx); err != nil && !errors.Is(err, streams.ErrStaleRevision) {
				return err
			}
		}
		done, waiting = done+len(waiting), waiting[:0]
		progress(done)
		return nil
	}
	for m, err := range c.client.Messages(ctx, stream, streams.Query{}) {
		if err != nil {
			return errors.Join(err, await())
		}
		if len(m.Data) == 0 { // the marker of a deleted key
			continue
		}
		p, err := c.client.PublishAsync(stream, &nats.Msg{Subject: m.Subject, Data: m.Data}, jetstream.WithExpectLastSequencePerSubject(m.Position.Seq))
		if err != nil {
			return errors.Join(err, await())
		}
		if waiting = append(waiting, p); len(waiting) == rewritesAtOnce {
			if err := await(); err != nil {
				return err
			}
		}
	}
	return await()
}
