package bus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// mark is how far the stream of events had come when it was last looked at. Positions are
// made of these numbers: a stream that is behind, as after a power cut
// or an older backup, would give them again, and what is new would count as old. So
// would all events of a stream that was made earlier.
type mark struct {
	Stream string `json:"stream,omitempty"`
	Epoch  int64  `json:"epoch"`
	Seq    uint64 `json:"seq"`
}

// markKey is its key in the bucket CONTROL.
const markKey = "events"

// Remember writes down how far the stream of events has come. Where it is behind,
// what was written down stays.
func (b *Bus) Remember(ctx context.Context) error {
	now, control, err := b.marked(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(now)
	if err == nil {
		_, err = control.Put(ctx, markKey, text)
	}
	if err != nil {
		return fmt.Errorf("how far %s has come: %w", b.layout.Events, err)
	}
	return nil
}

// behind returns an error where the stream of events is behind what was
// remembered of it.
func (b *Bus) behind(ctx context.Context) error {
	_, _, err := b.marked(ctx)
	return err
}

// marked returns how far the stream of events has come, and the bucket that remembers
// it; an error where that is behind what was remembered. The memory is read first: read after
// the stream, it could be of events that came in between.
func (b *Bus) marked(ctx context.Context) (now mark, control jetstream.KeyValue, err error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	if control, err = b.bucket(ctx, ControlKV); err != nil {
		return now, control, err
	}
	var then mark
	entry, err := control.Get(ctx, markKey)
	if err == nil {
		err = json.Unmarshal(entry.Value(), &then)
	}
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return now, control, fmt.Errorf("how far %s had come: %w", b.layout.Events, err)
	}
	e, err := b.Extent(ctx, b.layout.Events)
	if err != nil {
		return now, control, err
	}
	now = mark{Stream: b.layout.Events, Epoch: e.Epoch, Seq: e.Last}
	return now, control, now.behind(then)
}

// behind returns an error where a stream that stands at now has not come as far as
// then, or is older.
func (now mark) behind(then mark) error {
	switch {
	case now.Epoch < then.Epoch:
		return setupError{fmt.Errorf("stream %s was made on %s, before %s (%s), whose events the ledger knows: its events would count as older than those, and a deletion be skipped. "+
			"Make a new stream for the events, and let nats.events_stream (USHER_NATS_EVENTS_STREAM) name it if it is yours (docs/reliability.md)",
			now.Stream, day(now.Epoch), cmp.Or(then.Stream, "the former one"), day(then.Epoch))}
	case now.Epoch == then.Epoch && now.Seq < then.Seq:
		return setupError{fmt.Errorf("stream %s ends at %d, and had come to %d: it lost its last events, or is an older backup. New events would be given the numbers of "+
			"lost ones, and count as old. Remove the stream, let usher serve make it anew, and send again what it had lost (docs/reliability.md)", now.Stream, now.Seq, then.Seq)}
	default:
		return nil
	}
}

func day(epoch int64) string { return time.Unix(0, epoch).UTC().Format(time.RFC3339) }
