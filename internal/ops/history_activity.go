package ops

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/memory"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
)

// activity reads the records of the user's activity.
func (s *Service) activity(ctx context.Context, h *History) error {
	store, err := s.records(ctx, streams.EffectsBucket)
	if err != nil {
		return err
	}
	keys, err := store.Keys(ctx, record.ActivityKeys(h.UserID))
	if err != nil {
		return err
	}
	entries := make([]recordstore.Entry, len(keys))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for i, key := range keys { // all keys: only the records have the times of the effects
		group.Go(func() (err error) {
			entries[i], err = store.Load(reading, key)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, e := range entries {
		if err := h.addRecord(e); err != nil {
			return err
		}
	}
	return nil
}

// activityResults reads the results of the user's activity. An activity that was done at the first
// attempt has no record.
func (s *Service) activityResults(ctx context.Context, h *History) error {
	for _, v := range s.Vendors {
		list, more, err := memory.Find(ctx, s.Streams.Client, s.memoryOf(v.Name), h.UserID, maxEffects)
		if errors.Is(err, streams.ErrNoStream) { // nothing was served yet
			continue
		}
		if err != nil {
			return err
		}
		h.More += more
		for _, r := range list {
			h.add(recorded(v.Name, r))
		}
	}
	return nil
}

// memoryOf returns the description of the memory of activities at a vendor.
func (s *Service) memoryOf(vendor string) memory.Config {
	return memory.Config{Vendor: vendor, Keep: s.Config.Activity.Memory, Records: streams.EffectsBucket, Index: streams.ActivityBucket}
}

// recorded returns the effect of an activity by its result, without a position.
func recorded(vendor string, r streams.Result) HistoryEvent {
	ended := r.Event.Time()
	last := ended.Add(-time.Duration(r.Data.TookMS) * time.Millisecond)
	key := events.Key(r.Data.Event.Source, r.Data.Event.ID)
	h := HistoryEvent{
		Time: last, Vendor: vendor, Type: r.Data.Event.Type, EventID: r.Data.Event.ID, Source: r.Data.Event.Source, Key: key,
		State: r.Data.Outcome, Attempts: r.Data.Attempts, Last: &last, Ended: &ended, key: record.KeyOf(key), unplaced: true,
		Action: r.Data.Action, MatchedBy: r.Data.MatchedBy, Changed: r.Data.Changed, Reason: r.Data.Reason,
	}
	if r.Data.Error != nil {
		h.Why = r.Data.Error.Message
	}
	return h
}

// sort sorts the effects by position. An effect without a position is placed by its time.
func (h *History) sort() {
	var placed, unplaced []HistoryEvent
	for _, e := range h.Events {
		if e.unplaced {
			unplaced = append(unplaced, e)
		} else {
			placed = append(placed, e)
		}
	}
	slices.SortStableFunc(placed, func(a, b HistoryEvent) int { return a.order.Compare(b.order) })
	slices.SortStableFunc(unplaced, func(a, b HistoryEvent) int { return a.Time.Compare(b.Time) })
	h.Events = h.Events[:0]
	for _, e := range placed {
		for len(unplaced) > 0 && unplaced[0].Time.Before(e.First()) {
			h.Events, unplaced = append(h.Events, unplaced[0]), unplaced[1:]
		}
		h.Events = append(h.Events, e)
	}
	h.Events = append(h.Events, unplaced...)
}
