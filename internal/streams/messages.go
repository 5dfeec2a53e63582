package streams

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// quietTime is the silence before a listing asks whether the last message is still there.
const quietTime = 100 * time.Millisecond

// Query selects messages of a stream. The zero value selects all messages.
type Query struct {
	Subjects    []string  // filter subjects; empty: all subjects
	After       uint64    // only messages after this sequence
	Since       time.Time // only messages stored at or after this time; not together with After
	HeadersOnly bool      // messages without data
	// Follow waits for further messages at the end of the stream, until the context ends. The
	// reading survives a loss of the connection; a stream made anew is read from the start.
	Follow bool
}

// Messages returns the selected messages in the order of the stream, up to the last message at
// the start unless the query follows the stream. The reading ends after the first error.
func (c Client) Messages(ctx context.Context, stream string, q Query) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		stream := c.Names.Stream(stream)
		r := &reader{
			client: c, stream: stream, query: q, name: c.Names.WithDefaults().ConsumerPrefix + "list-",
			messages: defaultPrefetch, bytes: defaultPrefetchBytes, next: q.After + 1,
		}
		defer r.close(ctx)
		read := r.list
		if q.Follow {
			read = r.follow
		}
		extent, err := c.Extent(ctx, stream)
		if err == nil {
			r.epoch = extent.Epoch
			err = read(ctx, func(m Message) bool { return yield(m, nil) })
		}
		if err != nil {
			yield(Message{}, fmt.Errorf("read %s: %w", stream, err))
		}
	}
}

// list reads up to the last message of the query, as the leader of the stream reports at the
// start. The consumer may live on a lagging follower, so the consumer's count proves nothing.
func (r *reader) list(ctx context.Context, yield func(Message) bool) error {
	end, err := r.end(ctx)
	for err == nil && r.next <= end {
		var messages []Message
		if messages, err = r.take(ctx, r.messages, quietTime); err != nil {
			return err
		}
		for _, m := range messages {
			if m.Position.Seq > end || !yield(m) {
				return nil
			}
		}
		if len(messages) == 0 { // the last message may have been purged meanwhile
			var last uint64
			last, err = r.end(ctx)
			end = min(end, last) // the stream may have grown, too
		}
	}
	return err
}

// end returns the sequence of the last selected message, or 0 without any.
func (r *reader) end(ctx context.Context) (end uint64, err error) {
	subjects := r.query.Subjects
	if len(subjects) == 0 { // for ">", the server only looks at the last sequence, erased or not
		subjects = []string{"*", "*.>"}
	}
	for _, subject := range r.client.Names.Filters(subjects) {
		m, err := r.client.fromLeader(ctx, r.stream, map[string]any{"last_by_subj": subject})
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
		case err != nil:
			return 0, err
		case !m.Time.Before(r.query.Since):
			end = max(end, m.Sequence)
		}
	}
	return end, nil
}
