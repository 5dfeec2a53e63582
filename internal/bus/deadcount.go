package bus

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// DeadCount is the number of dead letters of one class that a vendor has.
type DeadCount struct {
	Vendor, Class string
	Count         int
	Oldest        time.Time // when the oldest of them was last stored
}

// countShare bounds the time that full counts take: one part in so many.
const countShare = 100

// deadTally counts the dead letters. Between full counts only new messages are read.
type deadTally struct {
	mu     sync.Mutex
	counts map[[2]string]DeadCount // by vendor and class
	until  Extent                  // Messages are counted, up to the sequence Last
	next   time.Time               // before that no further full count
}

// DeadCounts counts the dead letters by their headers. After the first count DeadCounts reads
// only the messages that came since, unless dead letters were removed: then all are counted
// again. Full counts take a hundredth of the time at most, so that a removal among very many
// dead letters shows after a minute or so.
func (b *Bus) DeadCounts(ctx context.Context) ([]DeadCount, error) {
	t := &b.dead
	t.mu.Lock()
	defer t.mu.Unlock()
	now, err := b.Extent(ctx, DeadStream)
	if err != nil {
		return nil, err
	}
	whole := t.counts == nil || now.Epoch != t.until.Epoch || now.Last < t.until.Last || now.Messages == 0
	if removed := now.Messages-t.until.Messages != now.Last-t.until.Last; removed && time.Now().After(t.next) {
		whole = true
	}
	if err := b.countDead(ctx, now, whole); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(t.counts), func(a, b DeadCount) int {
		return cmp.Or(cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Class, b.Class))
	}), nil
}

// countDead counts the dead letters up to the end of the stream: all of them, or those behind
// what is counted. The tally stays as it is if that fails.
func (b *Bus) countDead(ctx context.Context, end Extent, whole bool) error {
	t, began := &b.dead, time.Now()
	counts, until := maps.Clone(t.counts), t.until
	if whole {
		counts, until = map[[2]string]DeadCount{}, Extent{Epoch: end.Epoch}
	}
	if until.Last < end.Last && end.Messages > 0 {
		r := reading{stream: DeadStream, consumer: jetstream.OrderedConsumerConfig{
			HeadersOnly: true, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: until.Last + 1,
		}}
		err := b.scan(ctx, r, func(m jetstream.Msg) bool {
			meta, err := m.Metadata()
			if err != nil || meta.Sequence.Stream > end.Last {
				return false
			}
			name := [2]string{tokenOf(m.Subject(), 2), m.Headers().Get(headerClass)}
			counts[name] = counts[name].with(name, meta.Timestamp)
			until.Messages++
			return true
		})
		if err != nil {
			return err
		}
	}
	until.Last = end.Last
	t.counts, t.until = counts, until
	if whole {
		t.next = time.Now().Add(countShare * time.Since(began))
	}
	return nil
}

// with returns the count with one more dead letter.
func (c DeadCount) with(name [2]string, stored time.Time) DeadCount {
	c.Vendor, c.Class = name[0], name[1]
	c.Count++
	if c.Oldest.IsZero() || stored.Before(c.Oldest) {
		c.Oldest = stored
	}
	return c
}
