package ops

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

func (s *Service) findReplays(ctx context.Context, u *UserData, _ Search, _ endedEffects) error {
	for r, err := range s.Streams.Replays.List(ctx, "") {
		if err != nil {
			return err
		}
		e, rel := u.subject.event(r.Message.Header, r.Message.Data)
		if rel != sameUser && !u.subject.knows(r.Header.Key) {
			continue
		}
		u.replays = append(u.replays, r.Message.Position.Seq)
		if r.Valid && !u.isPending(r.Vendor, r.Header.Key) {
			u.Pending = append(u.Pending, PendingEffect{Vendor: r.Vendor, Type: e.Type(), Key: r.Header.Key, State: PendingReplay})
		}
	}
	return nil
}

func (s *Service) findLetters(ctx context.Context, u *UserData, search Search, ended endedEffects) error {
	read := 0
	for l, err := range s.Streams.DeadLetters.List(ctx) {
		if err != nil {
			return err
		}
		read++
		search.Progress(streams.DeadLettersStream, read)
		if u.subject.hasLetter(l, s.mapper) {
			u.letters = append(u.letters, l)
			ended[effectID{vendor: l.Vendor, key: record.KeyOf(l.Key)}] = true
			u.noteFailedDeletion(l)
		}
	}
	return nil
}

func (s *Service) findResults(ctx context.Context, u *UserData, search Search, ended endedEffects) error {
	read := 0
	for m, err := range s.Streams.Client.Messages(ctx, streams.ResultsStream, streams.Query{}) {
		if err != nil {
			return err
		}
		read++
		search.Progress(streams.ResultsStream, read)
		if key, r, yes := u.subject.result(m.Header, m.Data); yes {
			u.results = append(u.results, m.Position.Seq)
			ended[effectID{vendor: r.Vendor, key: record.KeyOf(key)}] = true
			if events.ScopeOf(r.Event.Type) == events.ScopeActivity && time.Since(m.Stored) < s.Config.Activity.Memory {
				u.tracked[record.ActivityKey(r.Vendor, search.UserID, key)] = true
			}
		}
	}
	return nil
}

// noteFailedDeletion corrects the reason of a live account by the dead letter of the deletion.
func (u *UserData) noteFailedDeletion(l streams.DeadLetter) {
	for i := range u.Accounts {
		if a := &u.Accounts[i]; a.Vendor == l.Vendor && l.Type == events.UserDeleted && a.Why == notDeleted {
			a.Why = deleteFailed
		}
	}
}

// findUnread finds the events of the user not registered yet by the process of a vendor, without
// the events not needing a registration.
func (s *Service) findUnread(ctx context.Context, u *UserData, _ Search, ended endedEffects) error {
	for _, v := range s.Vendors {
		lifecycle, err := s.unregistered(ctx, u, v.Name)
		if err != nil {
			return err
		}
		activity, err := s.undelivered(ctx, u, v.Name)
		if err != nil {
			return err
		}
		for _, e := range slices.Concat(lifecycle, activity) {
			if !ended[effectID{vendor: v.Name, key: record.KeyOf(e.key)}] && !u.isPending(v.Name, e.key) {
				u.Pending = append(u.Pending, PendingEffect{Vendor: v.Name, Type: e.kind, Key: e.key, State: PendingUnread})
			}
		}
	}
	return nil
}

// unregistered returns the lifecycle events after the committed position of a vendor without
// a reference in the record of the user.
func (s *Service) unregistered(ctx context.Context, u *UserData, vendor string) (list []foundEvent, err error) {
	at, err := streams.ReadConsumerState(ctx, s.Streams.Client, u.stream, ConsumerName(vendor, Lifecycle))
	if errors.Is(err, streams.ErrNoConsumer) { // nobody has served the vendor
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	own, err := streams.OpenOwnership(ctx, s.Streams.Client, vendor)
	if err != nil {
		return nil, err
	}
	committed, err := own.Position(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range u.events {
		p := events.Position{Epoch: u.fence.Epoch, Seq: e.seq}
		if committed.Before(p) && u.registered[vendor].Before(p) && slices.Contains(at.Subjects, e.kind) {
			list = append(list, e)
		}
	}
	return list, nil
}

// undelivered returns the activity events not delivered by the consumer of a vendor, or delivered
// so recently that the outcome may not be stored yet.
func (s *Service) undelivered(ctx context.Context, u *UserData, vendor string) (list []foundEvent, err error) {
	lately := time.Now().Add(-2 * s.Config.Worker.AckWait)
	at, err := streams.ReadConsumerState(ctx, s.Streams.Client, u.stream, ConsumerName(vendor, Activity))
	if errors.Is(err, streams.ErrNoConsumer) {
		return nil, nil
	}
	for _, e := range u.events {
		waits := e.seq > at.Delivered || (e.seq > at.Floor && e.stored.After(lately))
		if waits && slices.Contains(at.Subjects, e.kind) {
			list = append(list, e)
		}
	}
	return list, err
}

// isPending reports whether an effect is known to be unfinished.
func (u *UserData) isPending(vendor, key string) bool {
	return slices.ContainsFunc(u.Pending, func(p PendingEffect) bool { return p.Vendor == vendor && record.KeyOf(p.Key) == record.KeyOf(key) })
}
