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

// OpenIndex opens the index of accounts. Ensure must have made it.
func OpenIndex(ctx context.Context, c Client) (*Records, error) {
	return OpenRecords(ctx, c, c.Names.WithDefaults().Index)
}

// OpenRecords opens a bucket.
func OpenRecords(ctx context.Context, c Client, bucket string) (*Records, error) {
	ctx, cancel := c.call(ctx)
	defer cancel()
	bucket = c.Names.Bucket(bucket)
	kv, err := c.JetStream.KeyValue(ctx, bucket)
	switch {
	case errors.Is(err, jetstream.ErrBucketNotFound):
		return nil, fmt.Errorf("bucket %s: %w: %w", bucket, ErrNoStream, err)
	case err != nil:
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return &Records{client: c, bucket: bucket, kv: kv}, nil
}

// TTL returns the time after which the bucket drops a value that was not stored again; zero if
// the bucket keeps values for ever.
func (r *Records) TTL(ctx context.Context) (time.Duration, error) {
	ctx, cancel := r.client.call(ctx)
	defer cancel()
	status, err := r.kv.Status(ctx)
	if err != nil {
		return 0, fmt.Errorf("bucket %s: %w", r.bucket, err)
	}
	return status.TTL(), nil
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
// 0 stands for a missing key. Store returns ErrStaleRevision for another stored revision, and
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

// Delete removes a key by compare-and-set, or returns ErrStaleRevision. The bucket keeps a marker
// for the key; a later Store with revision 0 replaces the marker.
func (r *Records) Delete(ctx context.Context, key string, revision uint64) error {
	ctx, cancel := r.client.call(ctx)
	defer cancel()
	if err := r.kv.Delete(ctx, key, jetstream.LastRevision(revision)); err != nil {
		return fmt.Errorf("delete %s: %w", key, writeError(err))
	}
	return nil
}

// writeError returns ErrStaleRevision or ErrTooLarge for the errors of such a meaning.
func writeError(err error) error {
	switch {
	case isConflict(err), errors.Is(err, jetstream.ErrKeyExists):
		return ErrStaleRevision
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return err
}

// listPasses is the number of passes of a listing: a record stored during the first pass is read by the
// second, unless the record is stored once more before it is read.
const listPasses = 2

// List returns the records whose keys begin with the tokens of prefix, or all records if
// prefix is empty. A prefix with an empty token, such as a trailing dot, is an error. A record
// may appear several times, the latest revision last: a record stored during a pass moves to the
// end of the bucket, and is read by the next pass. The listing ends after the first error.
func (r *Records) List(ctx context.Context, prefix string) iter.Seq2[Record, error] {
	root := r.root()
	query := Query{Subjects: []string{root + strings.TrimPrefix(prefix+".>", ".")}}
	return func(yield func(Record, error) bool) {
		if prefix != "" && slices.Contains(strings.Split(prefix, "."), "") { // no key would match
			yield(Record{}, fmt.Errorf("list %s: prefix %q has an empty token", r.bucket, prefix))
			return
		}
		for range listPasses {
			for m, err := range r.client.Messages(ctx, "KV_"+r.bucket, query) {
				query.After = max(query.After, m.Position.Seq)
				if err == nil && isMarker(m) {
					continue
				}
				if !yield(Record{Key: strings.TrimPrefix(m.Subject, root), Value: m.Data, Revision: m.Position.Seq}, err) || err != nil {
					return
				}
			}
		}
	}
}

// isMarker reports whether a message marks a deleted key.
func isMarker(m Message) bool {
	return m.Header.Get("KV-Operation") != "" || m.Header.Get("Nats-Marker-Reason") != ""
}

// apply changes the values by key to those after a message of the bucket.
func (r *Records) apply(values map[string][]byte, m Message) {
	key := strings.TrimPrefix(m.Subject, r.root())
	if isMarker(m) {
		delete(values, key)
		return
	}
	values[key] = m.Data
}

// root begins the subjects of the keys.
func (r *Records) root() string { return "$KV." + r.bucket + "." }

// Keys returns the keys that match a pattern, in which * is any one token, in no order. The
// server finds the keys in the index of subjects, which is in memory: a consumer would read
// through the bucket.
func (r *Records) Keys(ctx context.Context, pattern string) ([]string, error) {
	stream, err := r.client.stream(ctx, "KV_"+r.bucket)
	if err != nil {
		return nil, err
	}
	ctx, cancel := r.client.call(ctx)
	defer cancel()
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(r.root()+pattern))
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", r.bucket, err)
	}
	keys := make([]string, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		keys = append(keys, strings.TrimPrefix(subject, r.root()))
	}
	return keys, nil
}
