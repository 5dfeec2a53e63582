package ops

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

func (d *Desk) lookInReplays(ctx context.Context, h *Holding, _ Search, _ endedEffects) error {
	return d.Bus.Replays(ctx, "", func(vendor string, m bus.Stored) {
		replayed, ok := bus.ReadReplay(m.Header)
		e, is := h.person.event(m.Header, m.Payload)
		if is != theirs && !h.person.knows(replayed.Key) {
			return
		}
		h.replays = append(h.replays, m.Seq)
		if ok && !h.open(vendor, replayed.Key) {
			h.Open = append(h.Open, Open{Vendor: vendor, Type: e.Type(), Key: replayed.Key, State: OpenReplay})
		}
	})
}

func (d *Desk) lookInLetters(ctx context.Context, h *Holding, s Search, ended endedEffects) error {
	read := 0
	return d.Bus.DeadLetters(ctx, func(l bus.DeadLetter) bool {
		read++
		s.Progress(bus.DeadStream, read)
		if h.person.letter(l, d.made) {
			h.letters = append(h.letters, l)
			ended[effectID{vendor: l.Vendor, key: record.KeyOf(l.Key)}] = true
			h.failed(l)
		}
		return true
	})
}

func (d *Desk) lookInResults(ctx context.Context, h *Holding, s Search, ended endedEffects) error {
	at, err := d.Bus.Extent(ctx, bus.ResultsStream)
	if err != nil {
		return err
	}
	read := 0
	return d.Bus.Messages(ctx, bus.ResultsStream, at.Last, func(m bus.Stored) error {
		read++
		s.Progress(bus.ResultsStream, read)
		if key, r, yes := h.person.result(m.Header, m.Payload); yes {
			h.results = append(h.results, m.Seq)
			ended[effectID{vendor: r.Vendor, key: record.KeyOf(key)}] = true
		}
		return nil
	})
}

// failed sets the reason of an account whose deletion has a dead letter.
func (h *Holding) failed(l bus.DeadLetter) {
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
	at, err := d.Bus.State(ctx, h.stream, ConsumerName(vendor, Lifecycle))
	if errors.Is(err, bus.ErrNoConsumer) { // the vendor was never served
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	own, err := streams.OpenOwnership(ctx, d.streams(), vendor)
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
	at, err := d.Bus.State(ctx, h.stream, ConsumerName(vendor, Activity))
	if errors.Is(err, bus.ErrNoConsumer) {
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
