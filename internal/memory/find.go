package memory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/streams"
)

// atATime is the number of concurrent requests to NATS.
const atATime = 16

// Find returns the newest results of a user's activity at a vendor, at most limit, oldest first,
// and the number of older ones. Results beyond the time of the memory are not found.
func Find(ctx context.Context, client streams.Client, c Config, user string, limit int) (found []streams.Result, more int, err error) {
	archive, err := streams.OpenRecords(ctx, client, c.Index)
	if err != nil {
		return nil, 0, err
	}
	extent, err := client.Extent(ctx, streams.ResultsStream)
	if err != nil {
		return nil, 0, err
	}
	stored, end, err := stored(ctx, archive, name{vendor: c.Vendor, epoch: extent.Epoch}, tagOf(user))
	if err != nil {
		return nil, 0, err
	}
	if found, err = tail(ctx, client, c, user, end); err != nil {
		return nil, 0, err
	}
	if n := len(found) - limit; n > 0 {
		return found[n:], n + len(stored), nil
	}
	more = max(0, len(stored)+len(found)-limit)
	old, err := read(ctx, client, user, stored[more:])
	return append(old, found...), more, err
}

// stored returns the places of the results with a tag in the segments, and the end of the segments.
func stored(ctx context.Context, archive *streams.Records, of name, t tag) (list []uint64, end uint64, err error) {
	names, err := namesOf(ctx, archive, of.vendor, prints)
	if err != nil {
		return nil, 0, err
	}
	names = slices.DeleteFunc(names, func(n name) bool { return n.epoch != of.epoch })
	end = endOf(names)
	lists := make([][]uint64, len(names))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for i, n := range names {
		group.Go(func() error {
			value, _, err := archive.Load(reading, n.key(places(t.shard())))
			lists[i] = find(n.from, value, t)
			return err
		})
	}
	err = group.Wait()
	list = slices.Concat(lists...)
	slices.Sort(list)
	return slices.Compact(list), end, err
}

// read returns the results of a user at places. An erased result is left out.
func read(ctx context.Context, client streams.Client, user string, at []uint64) ([]streams.Result, error) {
	list := make([]streams.Result, len(at))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for i, seq := range at {
		group.Go(func() error {
			m, err := client.Message(reading, streams.ResultsStream, seq)
			if errors.Is(err, streams.ErrGone) {
				return nil
			}
			if err == nil {
				list[i], _ = streams.ReadResult(m)
			}
			return err
		})
	}
	err := group.Wait()
	return slices.DeleteFunc(list, func(r streams.Result) bool { return r.Event.Context == nil || r.Event.Subject() != user }), err
}

// tail returns the results of a user that are in no segment.
func tail(ctx context.Context, client streams.Client, c Config, user string, end uint64) (list []streams.Result, err error) {
	q := streams.Query{Subjects: Subjects(client.Names, c.Vendor), After: end}
	if end == 0 {
		q.Since = time.Now().Add(-c.Keep)
	}
	for m, err := range client.Messages(ctx, streams.ResultsStream, q) {
		if err != nil {
			return nil, err
		}
		if userOf(m.Data) != user {
			continue
		}
		if r, ok := streams.ReadResult(m); ok {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b streams.Result) int {
		return cmp.Compare(a.Event.Time().UnixNano(), b.Event.Time().UnixNano())
	})
	return list, nil
}
