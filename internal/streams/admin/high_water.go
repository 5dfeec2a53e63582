package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

// highWater is the high-water mark of the stream of events. Positions consist of the epoch and
// the sequence: a regressed stream, as after a power cut or from an older backup, would assign
// sequences again, and new events would count as old. So would all events of an older stream.
type highWater struct {
	Stream string `json:"stream,omitempty"`
	Epoch  int64  `json:"epoch"`
	Seq    uint64 `json:"seq"`
}

// highWaterKey is the key of the mark in the bucket CONTROL.
const highWaterKey = "events"

// SaveHighWater stores the current high-water mark of the stream of events. The stored mark of a
// regressed stream stays.
func (a *Admin) SaveHighWater(ctx context.Context) error {
	mark, err := a.readHighWater(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(mark.now)
	if err == nil {
		_, err = mark.control.Store(ctx, highWaterKey, text, mark.revision)
	}
	if err != nil && !errors.Is(err, streams.ErrStaleRevision) { // after a conflict, the mark of another process is as new
		return fmt.Errorf("high-water mark of %s: %w", a.layout.Events, err)
	}
	return nil
}

// storedMark is the current mark, and the bucket with the revision of the stored mark.
type storedMark struct {
	now      highWater
	control  *streams.Records
	revision uint64
}

// readHighWater returns the current mark, or an error for a stream below the stored mark. The
// stored mark is read first: read after the stream, the mark could be of events stored meanwhile.
func (a *Admin) readHighWater(ctx context.Context) (m storedMark, err error) {
	if m.control, err = streams.OpenRecords(ctx, a.client, streams.ControlBucket); err != nil {
		return m, err
	}
	var stored highWater
	text, revision, err := m.control.Load(ctx, highWaterKey)
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &stored)
	}
	if err != nil {
		return m, fmt.Errorf("high-water mark of %s: %w", a.layout.Events, err)
	}
	extent, err := a.client.Extent(ctx, a.layout.Events)
	if err != nil {
		return m, err
	}
	m.revision = revision
	m.now = highWater{Stream: a.layout.Events, Epoch: extent.Epoch, Seq: extent.Last}
	return m, m.now.regressed(stored)
}

// regressed returns an error for a stream below the stored mark, or older than the stream of the
// stored mark.
func (now highWater) regressed(stored highWater) error {
	switch {
	case now.Epoch < stored.Epoch:
		return setupError{fmt.Errorf("stream %s was made on %s, before %s (%s), whose events the records have: its events would count as older than those, and a deletion be skipped. "+
			"Make a new stream for the events, and let nats.events_stream (USHER_NATS_EVENTS_STREAM) name it if it is yours (docs/reliability.md)",
			now.Stream, day(now.Epoch), cmp.Or(stored.Stream, "the former one"), day(stored.Epoch))}
	case now.Epoch == stored.Epoch && now.Seq < stored.Seq:
		return setupError{fmt.Errorf("stream %s ends at %d, and had come to %d: it lost its last events, or is an older backup. New events would be given the numbers of "+
			"lost ones, and count as old. Remove the stream, let usher serve make it anew, and send again what it had lost (docs/reliability.md)", now.Stream, now.Seq, stored.Seq)}
	default:
		return nil
	}
}

func day(epoch int64) string { return time.Unix(0, epoch).UTC().Format(time.RFC3339) }
