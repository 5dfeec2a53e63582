package memory

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/usherhq/usher/internal/memory/index"
	"github.com/usherhq/usher/internal/pause"
	"github.com/usherhq/usher/internal/streams"
)

const (
	// perSegment is the most results of a segment.
	perSegment = 32 << 10
	// room is left for the header of a message in the max_payload of the server.
	room         = 4 << 10
	archiveEvery = 5 * time.Second
)

// segmentSize returns the number of results of a segment.
func (m *Memory) segmentSize() int {
	limit := int(m.client.JetStream.Conn().MaxPayload()) - room
	return min(m.segment, max(1, limit/index.Size))
}

// Archive stores the segments of new results until ctx ends, and then a last one of the rest, so
// that the next process starts at once. The owner of the vendor calls Archive: a second process
// would only do the same work.
func (m *Memory) Archive(ctx context.Context) {
	defer m.archiveRest(ctx)
	for ; ctx.Err() == nil; pause.For(ctx, archiveEvery) {
		for m.unsaved.Load() >= int64(m.segmentSize()) && ctx.Err() == nil {
			if err := m.archiveOne(ctx, m.segmentSize()); err != nil {
				m.warn(ctx, err, "the memory of activities cannot be stored, trying again: a start takes longer meanwhile")
				break
			}
		}
	}
}

// restTimeout is the longest time for the last segment.
const restTimeout = 2 * time.Second

// archiveRest stores the results that do not fill a segment.
func (m *Memory) archiveRest(ctx context.Context) {
	if m.unsaved.Load() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restTimeout)
	defer cancel()
	if err := m.archiveOne(ctx, 1); err != nil {
		m.log.Debug().Err(err).Str("vendor", m.config.Vendor).Msg("the last results are not in the stored memory of activities: the next start reads them")
	}
}

// archiveOne stores the next segment, if there are enough results.
func (m *Memory) archiveOne(ctx context.Context, enough int) error {
	extent, err := m.client.Extent(ctx, streams.ResultsStream)
	if err != nil {
		return err
	}
	end, err := m.storedEnd(ctx, extent.Epoch)
	if err != nil {
		return err
	}
	q := streams.Query{Subjects: m.subjects, After: end}
	if end == 0 {
		q.Since = time.Now().Add(-m.config.Keep)
	}
	d := draft{name: name{vendor: m.config.Vendor, epoch: extent.Epoch, from: end + 1}}
	for one, err := range m.client.Messages(ctx, streams.ResultsStream, q) {
		if err != nil {
			return err
		}
		if one.Position.Epoch != extent.Epoch {
			return fmt.Errorf("the stream %s was made anew", streams.ResultsStream)
		}
		if end == 0 && d.to == 0 {
			d.from = one.Position.Seq
		}
		d.add(one)
		if len(d.list) >= m.segmentSize() || one.Position.Seq-d.from >= math.MaxUint32 {
			enough = 1
			break
		}
	}
	if len(d.list) < enough {
		m.unsaved.Store(int64(len(d.list)))
		return nil
	}
	if err := d.store(ctx, m.archive); err != nil {
		return err
	}
	m.unsaved.Add(int64(-len(d.list)))
	return nil
}

// storedEnd returns the last sequence in the segments of an epoch.
func (m *Memory) storedEnd(ctx context.Context, epoch int64) (uint64, error) {
	names, err := namesOf(ctx, m.archive, m.config.Vendor, prints)
	if err != nil {
		return 0, err
	}
	var same []name
	for _, n := range names {
		if n.epoch == epoch {
			same = append(same, n)
		}
	}
	return endOf(same), nil
}

// namesOf returns the names of the stored segments with a part.
func namesOf(ctx context.Context, archive *streams.Records, vendor, part string) (names []name, err error) {
	keys, err := archive.Keys(ctx, pattern(vendor, part))
	for _, key := range keys {
		if n, ok := parseName(key); ok {
			names = append(names, n)
		}
	}
	return names, err
}

// draft is a segment in the making.
type draft struct {
	name
	list        []index.Fingerprint
	first, last time.Time
	spots       [shards][]spot
}

// add adds a result.
func (d *draft) add(m streams.Message) {
	d.to = m.Position.Seq
	id, _ := resultID(m.Data)
	f, ok := index.OfResult(id)
	if !ok {
		return
	}
	if len(d.list) == 0 {
		d.first = m.Stored
	}
	d.list, d.last = append(d.list, f), m.Stored
	t := tagOf(userOf(m.Data))
	d.spots[t.shard()] = append(d.spots[t.shard()], spot{t, m.Position.Seq})
}

// store stores the segment, the fingerprints last. A stored part is left as it is.
func (d *draft) store(ctx context.Context, archive *streams.Records) error {
	s := segment{d.name, index.NewRun(d.list, d.first, d.last)}
	for i, list := range d.spots {
		if len(list) == 0 {
			continue
		}
		if err := create(ctx, archive, d.key(places(i)), encodeSpots(d.from, list)); err != nil {
			return err
		}
	}
	return create(ctx, archive, d.key(prints), s.encode())
}

func create(ctx context.Context, archive *streams.Records, key string, value []byte) error {
	_, err := archive.Store(ctx, key, value, 0)
	if errors.Is(err, streams.ErrStaleRevision) {
		return nil
	}
	return err
}
