package core

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/activity"
	"github.com/usherhq/usher/internal/intake"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// vendorStreams are the streams and buckets, as one vendor uses them.
type vendorStreams struct {
	config  Config
	client  streams.Client
	holder  string // of leases: this process
	leases  *streams.Leases
	state   *streams.Ownership
	timers  *streams.Timers
	stream  *streams.Events
	replays *streams.Replays
	records records
	index   *streams.Records // of accounts
	shared  *streams.Shared  // consumer of activity; nil if the vendor takes none
	lag     *streams.Lag
}

// openStreams opens the streams of a vendor. made is called with the number of stored events
// if the consumer of activity is new.
func openStreams(ctx context.Context, c Config, client streams.Client, made func(pending uint64)) (*vendorStreams, error) {
	s := &vendorStreams{config: c, client: client, holder: rand.Text()}
	var errs [9]error
	n := client.Names
	s.leases, errs[0] = streams.OpenLeases(ctx, s.client, c.LeaseTTL)
	s.state, errs[1] = streams.OpenOwnership(ctx, s.client, c.Vendor)
	s.timers, errs[2] = streams.OpenTimers(ctx, s.client)
	s.stream = streams.NewEvents(s.client, c.Stream)
	s.records.users, errs[4] = streams.OpenRecords(ctx, s.client, c.Bucket)
	s.lag, errs[5] = streams.OpenLag(ctx, s.client, streams.CounterConfig{Stream: c.Stream, Consumer: n.Consumer("usher-" + c.Vendor + "-lifecycle"), Subjects: n.Filters(c.Subjects)})
	s.records.events, errs[6] = streams.OpenRecords(ctx, s.client, c.Effects)
	if a := c.Activity; len(a.Subjects) > 0 {
		s.shared, errs[7] = streams.OpenShared(ctx, s.client, streams.SharedConfig{
			Stream: c.Stream, Consumer: n.Consumer("usher-" + c.Vendor + "-activity"), Subjects: n.Filters(a.Subjects),
			AckWait: a.AckWait, MaxAckPending: a.MaxAckPending, Made: made,
		})
	}
	s.index, errs[8] = streams.OpenIndex(ctx, s.client)
	s.replays = streams.NewReplays(s.client, c.Replays)
	errs[3] = streams.EnsureCounter(ctx, s.client, streams.CounterConfig{Stream: n.Stream(c.Replays), Consumer: n.Consumer("usher-" + c.Vendor + "-replay"), Subjects: n.Filters(replaySubjects(c.Vendor))})
	return s, errors.Join(errs[:]...)
}

func replaySubjects(vendor string) []string { return []string{"usher.replay." + vendor + ".>"} }

// acquire waits for the lease.
func (s *vendorStreams) acquire(ctx context.Context) (intake.Lease, error) {
	for {
		lease, err := s.leases.Acquire(ctx, s.config.Vendor, s.holder)
		if err == nil {
			return lease, nil
		}
		if !errors.Is(err, streams.ErrHeld) {
			return nil, err
		}
		if err := s.leases.Wait(ctx, s.config.Vendor); err != nil {
			return nil, err
		}
	}
}

// read opens a reader of the vendor's events behind a position.
func (s *vendorStreams) read(_ context.Context, token uint64, from events.Position) (intake.Reader, error) {
	r, err := s.stream.Read(streams.ReaderConfig{Vendor: s.config.Vendor, Token: token, Subjects: s.config.Subjects, After: from})
	return reader{r, s.config.Stream}, err
}

// readReplays opens a reader of the vendor's replays behind a position.
func (s *vendorStreams) readReplays(_ context.Context, token uint64, from events.Position) (intake.Replays, error) {
	r, err := s.replays.Read(streams.ReaderConfig{Vendor: s.config.Vendor, Token: token, Subjects: replaySubjects(s.config.Vendor), After: from})
	return replayReader{r}, err
}

// wakes opens the consumer of the wakes of a class.
func (s *vendorStreams) wakes(ctx context.Context, token uint64, c mailbox.Class) (intake.Wakes, error) {
	open := s.timers.Wakes
	if c == mailbox.Activity {
		open = s.timers.EventWakes
	}
	w, err := open(ctx, s.config.Vendor, token)
	if errors.Is(err, streams.ErrNewerOwner) {
		return nil, intake.ErrNewerOwner
	}
	return wakes{w, s.config.Vendor}, err
}

// fetchActivity takes messages from the consumer of activity.
func (s *vendorStreams) fetchActivity(ctx context.Context, n int, wait time.Duration, take func(activity.Message)) error {
	return s.shared.Fetch(ctx, n, wait, func(d *streams.Delivery) { take(delivery{d, s.config.Stream}) })
}

// sentinel returns the nonce of the sentinel among the timers.
func (s *vendorStreams) sentinel(ctx context.Context) (string, error) {
	return s.timers.Sentinel(ctx, s.config.Vendor)
}

// unfinished calls yield with the key of each record with something to do. unfinished
// reads all records of the vendor, and so is for a sweep alone.
func (s *vendorStreams) unfinished(ctx context.Context, yield func(key string) error) error {
	keys := func(r streams.Record) error { return yield(r.Key) }
	if err := s.each(ctx, s.records.users, record.Unfinished, keys); err != nil {
		return err
	}
	return s.each(ctx, s.records.events, isUnfinishedActivity, keys)
}

// each calls yield with each wanted record of the vendor, and with each unreadable record.
func (s *vendorStreams) each(ctx context.Context, list *streams.Records, wanted func(*record.Record) bool, yield func(streams.Record) error) error {
	for r, err := range list.List(ctx, s.config.Vendor) {
		if err != nil {
			return err
		}
		if decoded, err := record.Decode(r.Value); err == nil && !wanted(decoded) {
			continue
		}
		if err := yield(r); err != nil {
			return err
		}
	}
	return nil
}

// isUnfinishedActivity reports whether an activity event is pending, or has a possibly
// unpublished result. The result of a first attempt is published, or the message is delivered
// again.
func isUnfinishedActivity(r *record.Record) bool {
	if len(r.Pending) > 0 {
		return true
	}
	for i := range r.Finished {
		if r.Finished[i].Publish {
			return true
		}
	}
	return false
}

// held calls yield with the key of each record with a held deletion, and of each unreadable record.
func (s *vendorStreams) held(ctx context.Context, yield func(key string) error) error {
	isHeld := func(e record.Effect) bool { return e.Held }
	wanted := func(r *record.Record) bool { return slices.ContainsFunc(r.Pending, isHeld) }
	return s.each(ctx, s.records.users, wanted, func(r streams.Record) error { return yield(r.Key) })
}
