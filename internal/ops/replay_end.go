package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

// ReplayEnd is the end of a replay that was sent.
type ReplayEnd struct {
	streams.DeadLetter            // as sent
	Failed             []FailedAt // empty: the replay ended well at every vendor
}

// FailedAt is a failed replay at a vendor.
type FailedAt struct {
	ID      string `json:"id"`
	Class   string `json:"class"`
	Message string `json:"message"`
}

// ReplayEnds returns the ends of sent replays, and the dead letters whose replays have not ended. A
// delivery has become events, and has ended.
func (s *Service) ReplayEnds(ctx context.Context, sent []streams.DeadLetter) (ended []ReplayEnd, open []streams.DeadLetter, err error) {
	inFlight, err := s.replaysInFlight(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range sent {
		if inFlight[replayName(l)] {
			open = append(open, l)
			continue
		}
		failed, err := s.failedReplays(ctx, l)
		if err != nil {
			return nil, nil, err
		}
		ended = append(ended, ReplayEnd{l, failed})
	}
	return ended, open, nil
}

// replayName names the replay of a dead letter, alike for all vendors of an event.
func replayName(l streams.DeadLetter) string {
	return fmt.Sprintf("%s.%s.%d", l.Vendor, l.Key, l.Replay+1)
}

// replaysInFlight returns the names of the replays that have not ended.
func (s *Service) replaysInFlight(ctx context.Context) (map[string]bool, error) {
	names := map[string]bool{}
	for r, err := range s.Streams.Replays.Headers(ctx) {
		if err != nil {
			return nil, err
		}
		l := streams.DeadLetter{Vendor: r.Vendor, Key: r.Header.Key, Replay: r.Header.Number - 1}
		if r.Header.All {
			l.Vendor = streams.EventPlace
		}
		names[replayName(l)] = true
	}
	return names, nil
}

// failedReplays returns the dead letters of an ended replay.
func (s *Service) failedReplays(ctx context.Context, sent streams.DeadLetter) (failed []FailedAt, err error) {
	places := []string{sent.Vendor}
	if sent.OfEvent() {
		for _, v := range s.Vendors {
			places = append(places, v.Name)
		}
	}
	for _, place := range places {
		l, err := s.Streams.DeadLetters.Get(ctx, place, sent.Type, sent.Key)
		switch {
		case errors.Is(err, streams.ErrNoDeadLetter):
		case err != nil:
			return nil, err
		case l.Replay > sent.Replay:
			failed = append(failed, FailedAt{l.ID(), l.Class, l.Message})
		}
	}
	return failed, nil
}

// followEvery is the time between two looks of Follow.
const followEvery = time.Second

// Follow waits until all sent replays have ended, and calls progress after each look. Returns the
// ends so far also with an error of the context.
func (s *Service) Follow(ctx context.Context, sent []streams.DeadLetter, progress func(ended, failed int)) (all []ReplayEnd, err error) {
	open := slices.Clone(sent)
	failed := 0
	for {
		ended, left, err := s.ReplayEnds(ctx, open)
		if err != nil {
			return all, err
		}
		for _, e := range ended {
			if len(e.Failed) > 0 {
				failed++
			}
		}
		all, open = append(all, ended...), left
		progress(len(all), failed)
		if len(open) == 0 {
			return all, nil
		}
		select {
		case <-ctx.Done():
			return all, ctx.Err()
		case <-time.After(followEvery):
		}
	}
}
