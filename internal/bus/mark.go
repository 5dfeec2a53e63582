package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// mark is how far the stream of events had come when it was last looked at. The
// ledger judges by these numbers: a stream that is behind, as after a power cut
// or an older backup, would give them again, and what is new would count as old.
type mark struct {
	Epoch int64  `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// markKey is its key in the bucket CONTROL.
const markKey = "events"

// Remember writes down how far the stream of events has come.
func (b *Bus) Remember(ctx context.Context) error {
	control, err := b.Bucket(ctx, ControlKV)
	if err != nil {
		return err
	}
	now, err := b.events(ctx)
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

func (b *Bus) events(ctx context.Context) (mark, error) {
	stream, err := b.js.Stream(ctx, b.layout.Events)
	if err != nil {
		return mark{}, fmt.Errorf("stream %s: %w", b.layout.Events, err)
	}
	i := stream.CachedInfo()
	return mark{Epoch: i.Created.UnixNano(), Seq: i.State.LastSeq}, nil
}

// behind returns an error where the stream of events is behind what was
// remembered of it.
func (b *Bus) behind(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	control, err := b.Bucket(ctx, ControlKV)
	if err != nil {
		return err
	}
	entry, err := control.Get(ctx, markKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("how far %s had come: %w", b.layout.Events, err)
	}
	var then mark
	if err := json.Unmarshal(entry.Value(), &then); err != nil {
		return fmt.Errorf("how far %s had come: %w", b.layout.Events, err)
	}
	now, err := b.events(ctx)
	if err != nil {
		return err
	}
	if now.Epoch == then.Epoch && now.Seq < then.Seq {
		return setupError{fmt.Errorf("stream %s ends at %d, and had come to %d: it lost its last events, or is an older backup. New events would be given the numbers of "+
			"lost ones, and count as old. Remove the stream, let usher serve make it anew, and send again what it had lost (docs/reliability.md)", b.layout.Events, now.Seq, then.Seq)}
	}
	return nil
}
