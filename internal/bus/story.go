package bus

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// Event reads the event at a place of the stream of events.
func (b *Bus) Event(ctx context.Context, epoch int64, seq uint64) (events.Event, error) {
	o, err := b.Original(ctx, epoch, seq)
	return o.Event, err
}

// DeadLetterOf returns the dead letter of an effect, or ErrNoDeadLetter.
func (b *Bus) DeadLetterOf(ctx context.Context, vendor, kind, key string) (DeadLetter, error) {
	return b.last(ctx, deadSubject(vendor, kind, key))
}

// Keys returns the keys in a bucket that fit a pattern, in which * is any one token,
// in no order. The server finds them in its index of subjects, which it has in
// memory: a consumer would have it read through the bucket.
func (b *Bus) Keys(ctx context.Context, bucket, pattern string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	stream, err := b.js.Stream(ctx, "KV_"+bucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	before := "$KV." + bucket + "."
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(before+pattern))
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", bucket, err)
	}
	keys := make([]string, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		keys = append(keys, strings.TrimPrefix(subject, before))
	}
	return keys, nil
}
