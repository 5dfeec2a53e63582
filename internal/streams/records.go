package streams

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// quietTime is the silence before a listing asks whether the last message is still there.
const quietTime = 100 * time.Millisecond

// Records are values in a key-value bucket, written by compare-and-set.
type Records struct {
	client Client
	bucket string
	kv     jetstream.KeyValue
}

// Record is a value of a bucket.
type Record struct {
	Key      string
	Value    []byte
	Revision uint64
}

// OpenRecords opens a bucket.
func OpenRecords(ctx context.Context, c Client, bucket string) (*Records, error) {
	ctx, cancel := c.call(ctx)
	defer cancel()
	kv, err := c.JetStream.KeyValue(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return &Records{client: c, bucket: bucket, kv: kv}, nil
}

// Load returns the value and the revision of a key. A missing key has revision 0 and no error.
func (r *Records) Load(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	ctx, cancel := r.client.call(ctx)
	defer cancel()
	entry, err := r.kv.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, 0, nil
	case err != nil:
		return nil, 0, fmt.Errorf("load %s: %w", key, err)
	}
	return entry.Value(), entry.Revision(), nil
}

// Store writes the value of a key by compare-and-set: the stored revision must equal revision;
// 0 stands for a missing key. Store returns ErrConflict for another stored revision, and
// ErrTooLarge if no attempt can succeed. After any other error, and above all after a timeout,
// the value may have been stored, or may still be: load the key and compare before anything else.
func (r *Records) Store(ctx context.Context, key string, value []byte, revision uint64) (newRevision uint64, err error) {
	ctx, cancel := r.client.call(ctx)
	defer cancel()
	if revision == 0 {
		newRevision, err = r.kv.Create(ctx, key, value)
	} else {
		newRevision, err = r.kv.Update(ctx, key, value, revision)
	}
	if err != nil {
		return 0, fmt.Errorf("store %s: %w", key, writeError(err))
	}
	return newRevision, nil
}

// Delete removes a key by compare-and-set, or returns ErrConflict. The bucket keeps a marker
// for the key; a later Store with revision 0 replaces the marker.
func (r *Records) Delete(ctx context.Context, key string, revision uint64) error {
	ctx, cancel := r.client.call(ctx)
	defer cancel()
	if err := r.kv.Delete(ctx, key, jetstream.LastRevision(revision)); err != nil {
		return fmt.Errorf("delete %s: %w", key, writeError(err))
	}
	return nil
}

// writeError returns ErrConflict or ErrTooLarge for the errors of such a meaning.
func writeError(err error) error {
	switch {
	case isConflict(err), errors.Is(err, jetstream.ErrKeyExists):
		return ErrConflict
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return err
}

// List returns the records whose keys begin with the tokens of prefix, or all records if
// prefix is empty. A prefix with an empty token, such as a trailing dot, is an error. A record stored during the listing may be missing. A record may appear
// twice, the later revision last: a follower may still hold a replaced one. The listing ends
// after the first error.
func (r *Records) List(ctx context.Context, prefix string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if err := r.list(ctx, prefix, func(record Record) bool { return yield(record, nil) }); err != nil {
			yield(Record{}, fmt.Errorf("list %s: %w", r.bucket, err))
		}
	}
}

// list reads up to the last message below the prefix, as the leader of the bucket reports at
// the start. The consumer may live on a lagging follower, so the consumer's count proves nothing.
func (r *Records) list(ctx context.Context, prefix string, yield func(Record) bool) error {
	if prefix != "" && slices.Contains(strings.Split(prefix, "."), "") {
		return fmt.Errorf("prefix %q has an empty token", prefix) // no key would match
	}
	stream, err := r.client.stream(ctx, "KV_"+r.bucket)
	if err != nil {
		return err
	}
	root := "$KV." + r.bucket + "."
	filter := root + strings.TrimPrefix(prefix+".>", ".")
	end, err := r.end(ctx, filter)
	reader := reader{
		client: r.client, stream: stream, subjects: []string{filter}, name: r.client.Names.withDefaults().ConsumerPrefix + "list-",
		messages: defaultPrefetch, bytes: defaultPrefetchBytes, epoch: stream.CachedInfo().Created.UnixNano(), next: 1,
	}
	defer reader.close(ctx)
	for err == nil && reader.next <= end {
		var messages []jetstream.Msg
		if messages, err = reader.take(ctx, defaultPrefetch, quietTime); err != nil {
			return err
		}
		if more, err := each(messages, root, yield); err != nil || !more {
			return err
		}
		if len(messages) == 0 { // the last message may have been purged meanwhile
			end, err = r.end(ctx, filter)
		}
	}
	return err
}

// end returns the sequence of the last message below a subject, or 0 without any.
func (r *Records) end(ctx context.Context, filter string) (uint64, error) {
	m, err := r.client.fromLeader(ctx, "KV_"+r.bucket, map[string]any{"last_by_subj": filter})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return m.Sequence, nil
}

// each yields the records of messages, and reports whether more are wanted.
func each(messages []jetstream.Msg, root string, yield func(Record) bool) (more bool, err error) {
	for _, m := range messages {
		record, deleted, err := toRecord(m, root)
		if err != nil {
			return false, err
		}
		if !deleted && !yield(record) {
			return false, nil
		}
	}
	return true, nil
}

// toRecord returns the record of a message, and whether the message is a marker of deletion.
func toRecord(m jetstream.Msg, root string) (record Record, deleted bool, err error) {
	meta, err := m.Metadata()
	if err != nil {
		return Record{}, false, err
	}
	h := m.Headers()
	deleted = h.Get("KV-Operation") != "" || h.Get("Nats-Marker-Reason") != ""
	return Record{Key: strings.TrimPrefix(m.Subject(), root), Value: m.Data(), Revision: meta.Sequence.Stream}, deleted, nil
}
