package streams

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// DeadCount is the number of dead letters of one class at one vendor.
type DeadCount struct {
	Vendor, Class string
	Count         int
	Oldest        time.Time // the earliest storage time
}

// countShare bounds the time of full counts: one part in countShare.
const countShare = 100

// deadTally is the last count of the dead letters. Between full counts only new messages are read.
type deadTally struct {
	mu     sync.Mutex
	counts map[[2]string]DeadCount // by vendor and class
	until  Extent                  // of the stream at the last count: Last is the last counted sequence
	next   time.Time               // the earliest time of the next full count after a removal
}

// Counts counts the dead letters by the headers. After the first count, Counts reads only
// new messages, unless dead letters were removed: then all dead letters are counted again. Full counts
// take a hundredth of the time at most, so a removal among very many dead letters shows after a
// minute or so.
func (l *DeadLetters) Counts(ctx context.Context) ([]DeadCount, error) {
	t := &l.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	now, err := l.client.Extent(ctx, DeadLettersStream)
	if err != nil {
		return nil, err
	}
	all := t.counts == nil || now.Epoch != t.until.Epoch || now.Last < t.until.Last || now.Messages == 0
	if removed := now.Messages-t.until.Messages != now.Last-t.until.Last; removed && time.Now().After(t.next) {
		all = true
	}
	if err := l.count(ctx, now, all); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(t.counts), func(a, b DeadCount) int {
		return cmp.Or(cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Class, b.Class))
	}), nil
}

// count counts the dead letters up to the end of the stream: all of them, or the messages after
// the last count. After an error the tally is unchanged.
func (l *DeadLetters) count(ctx context.Context, end Extent, all bool) error {
	t, began := &l.tally, time.Now()
	counts, until := maps.Clone(t.counts), t.until
	if all {
		counts, until = map[[2]string]DeadCount{}, Extent{Epoch: end.Epoch}
	}
	if until.Last < end.Last && end.Messages > 0 {
		for m, err := range l.client.Messages(ctx, DeadLettersStream, Query{After: until.Last, HeadersOnly: true}) {
			if err != nil {
				return err
			}
			if m.Position.Seq > end.Last {
				break
			}
			until.Messages++
			if m.Header.Get(headerRemoved) != "" {
				continue
			}
			name := [2]string{tokenOf(m.Subject, 2), m.Header.Get(headerClass)}
			counts[name] = counts[name].with(name, m.Stored)
		}
	}
	until.Last = end.Last
	t.counts, t.until = counts, until
	if all {
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
