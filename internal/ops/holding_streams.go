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

func (d *Desk) lookInReplays(ctx context.Context, h *Holding, _ Search, _ endedEffects) error {
	for r, err := range d.Streams.Replays.List(ctx, "") {
		if err != nil {
			return err
		}
		e, is := h.person.event(r.Message.Header, r.Message.Data)
		if is != theirs && !h.person.knows(r.Header.Key) {
			continue
		}
		h.replays = append(h.replays, r.Message.Position.Seq)
		if r.Valid && !h.open(r.Vendor, r.Header.Key) {
			h.Open = append(h.Open, Open{Vendor: r.Vendor, Type: e.Type(), Key: r.Header.Key, State: OpenReplay})
		}
	}
	return nil
}

func (d *Desk) lookInLetters(ctx context.Context, h *Holding, s Search, ended endedEffects) error {
	read := 0
	for l, err := range d.Streams.DeadLetters.List(ctx) {
		if err != nil {
			return err
		}
		read++
		s.Progress(streams.DeadLettersStream, read)
		if h.person.letter(l, d.made) {
			h.letters = append(h.letters, l)
			ended[effectID{vendor: l.Vendor, key: record.KeyOf(l.Key)}] = true
			h.failed(l)
		}
	}
	return nil
}

func (d *Desk) lookInResults(ctx context.Context, h *Holding, s Search, ended endedEffects) error {
	read := 0
	for m, err := range d.Streams.Client.Messages(ctx, streams.ResultsStream, streams.Query{}) {
		if err != nil {
			return err
		}
		read++
		s.Progress(streams.ResultsStream, read)
		if key, r, yes := h.person.result(m.Header, m.Data); yes {
			h.results = append(h.results, m.Position.Seq)
			ended[effectID{vendor: r.Vendor, key: record.KeyOf(key)}] = true
		}
	}
	return nil
}

// failed notes that the deletion of an account failed, by its dead letter.
func (h *Holding) failed(l streams.DeadLetter) {
	for i := range h.Accounts {
		if a := &h.Accounts[i]; a.Vendor == l.Vendor && l.Type == events.UserDeleted && a.Why == notDeleted {
			a.Why = deleteFailed
		}
	}
}

// lookInUnread finds the events of the user that the process of a vendor has not registered yet,
// without the events that need no registration.
func (d *Desk) lookInUnread(ctx context.Context, h *Holding, _ Search, ended endedEffects) error {
	for _, v := range d.Vendors {
		lifecycle, err := d.unregistered(ctx, h, v.Name)
		if err != nil {
			return err
		}
		activity, err := d.undelivered(ctx, h, v.Name)
		if err != nil {
			return err
		}
		for _, e := range slices.Concat(lifecycle, activity) {
			if !ended[effectID{vendor: v.Name, key: record.KeyOf(e.key)}] && !h.open(v.Name, e.key) {
				h.Open = append(h.Open, Open{Vendor: v.Name, Type: e.kind, Key: e.key, State: OpenUnread})
			}
		}
	}
	return nil
}

// unregistered returns the lifecycle events after the committed position of a vendor that are
// missing in the record of the user.
func (d *Desk) unregistered(ctx context.Context, h *Holding, vendor string) (list []found, err error) {
	at, err := streams.ReadConsumerState(ctx, d.Streams.Client, h.stream, ConsumerName(vendor, Lifecycle))
	if errors.Is(err, streams.ErrNoConsumer) { // nobody has served the vendor
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	own, err := streams.OpenOwnership(ctx, d.Streams.Client, vendor)
	if err != nil {
		return nil, err
	}
	committed, err := own.Position(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range h.events {
		p := events.Position{Epoch: h.fence.Epoch, Seq: e.seq}
		if committed.Before(p) && h.registered[vendor].Before(p) && slices.Contains(at.Subjects, e.kind) {
			list = append(list, e)
		}
	}
	return list, nil
}

// undelivered returns the activity events not delivered by the consumer of a vendor, or delivered
// so recently that the outcome may not be stored yet.
func (d *Desk) undelivered(ctx context.Context, h *Holding, vendor string) (list []found, err error) {
	lately := time.Now().Add(-2 * d.Config.Worker.AckWait)
	at, err := streams.ReadConsumerState(ctx, d.Streams.Client, h.stream, ConsumerName(vendor, Activity))
	if errors.Is(err, streams.ErrNoConsumer) {
		return nil, nil
	}
	for _, e := range h.events {
		waits := e.seq > at.Delivered || (e.seq > at.Floor && e.stored.After(lately))
		if waits && slices.Contains(at.Subjects, e.kind) {
			list = append(list, e)
		}
	}
	return list, err
}

// open reports whether an effect is known to be unfinished.
func (h *Holding) open(vendor, key string) bool {
	return slices.ContainsFunc(h.Open, func(o Open) bool { return o.Vendor == vendor && record.KeyOf(o.Key) == record.KeyOf(key) })
}
