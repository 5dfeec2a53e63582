package ops

import (
	"context"

	"github.com/usherhq/usher/internal/streams"
)

// Load is the unfinished work of a vendor, as counted by the server.
type Load struct {
	Consumers map[string]streams.ConsumerState // by kind
	// Waiting is the number of users, and of activity events, in wait for a time or for the
	// vendor: timers, and wakes not taken yet. A timer may outlive the work of its user; see
	// Service.countWaiting.
	Waiting int
}

// Load returns the work of a vendor, or ErrNoConsumers. No message is read but the oldest of
// each consumer.
func (s *Service) Load(ctx context.Context, vendor string) (Load, error) {
	list, err := s.consumers(ctx, vendor)
	if err != nil {
		return Load{}, err
	}
	l := Load{Consumers: map[string]streams.ConsumerState{}}
	for _, c := range list {
		l.Consumers[c.Kind] = c.at
	}
	if !l.made() {
		return l, nil
	}
	timers, err := streams.OpenTimers(ctx, s.Streams.Client)
	if err != nil {
		return l, err
	}
	wakes, err := timers.CountWakes(ctx, vendor)
	l.Waiting = wakes + int(l.Consumers[Waiting].Pending)
	return l, err
}

// made reports whether the streams of the mailboxes exist, by one of the consumers.
func (l Load) made() bool {
	_, made := l.Consumers[Waiting]
	return made
}

// status returns the state of an idle vendor with this work.
func (l Load) status(vendor string) VendorStatus {
	v := VendorStatus{
		Vendor: vendor, State: Idle, Waiting: l.Waiting,
		Pending:    l.Consumers[Lifecycle].Pending + l.Consumers[Activity].Pending,
		Unfinished: l.Consumers[Activity].Unfinished,
		Replays:    l.Consumers[Replay].Pending,
	}
	for _, kind := range []string{Lifecycle, Activity, Replay} {
		if at := l.Consumers[kind].Oldest; !at.IsZero() {
			v.Oldest = earliest(v.Oldest, at)
		}
	}
	return v
}
