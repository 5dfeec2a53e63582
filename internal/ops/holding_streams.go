package ops

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/bus"
)

func (d *Desk) lookInReplays(ctx context.Context, h *Holding, _ Search, _ map[string]bool) error {
	return d.Bus.Replays(ctx, "", func(vendor string, m bus.Stored) {
		replayed, ok := bus.ReadReplay(m.Header)
		e, is := h.person.event(m.Header, m.Payload)
		if is != theirs && !h.person.keys[replayed.Key] {
			return
		}
		h.replays = append(h.replays, m.Seq)
		if ok && !h.open(vendor, replayed.Key) {
			h.Open = append(h.Open, Open{Vendor: vendor, Type: e.Type(), Key: replayed.Key, State: OpenReplay})
		}
	})
}

func (d *Desk) lookInLetters(ctx context.Context, h *Holding, s Search, ended map[string]bool) error {
	read := 0
	return d.Bus.DeadLetters(ctx, func(l bus.DeadLetter) bool {
		read++
		s.Progress(bus.DeadStream, read)
		if h.person.letter(l, d.made) {
			h.letters = append(h.letters, l)
			ended[l.ID()] = true
		}
		return true
	})
}

func (d *Desk) lookInResults(ctx context.Context, h *Holding, s Search, ended map[string]bool) error {
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
			ended[r.Vendor+"."+key] = true
		}
		return nil
	})
}

// lookInConsumers finds events that a vendor's worker has not taken up: those that were
// delivered to nobody, and those that were stored so lately that whoever they were
// delivered to may not have written it down. (One that was delivered longer ago and
// has left no trace asks nothing of the vendor, or nobody is there to do it.)
func (d *Desk) lookInConsumers(ctx context.Context, h *Holding, _ Search, ended map[string]bool) error {
	lately := time.Now().Add(-2 * d.Config.Worker.AckWait)
	for _, v := range d.Vendors {
		consumers, err := d.consumers(ctx, v.Name)
		if errors.Is(err, ErrNoConsumers) {
			continue
		}
		if err != nil {
			return err
		}
		for _, c := range consumers {
			if c.Stream != h.stream {
				continue
			}
			for _, e := range h.events {
				waits := e.seq > c.at.Delivered || (e.seq > c.at.Floor && e.stored.After(lately))
				if waits && slices.Contains(c.at.Subjects, e.kind) && !ended[v.Name+"."+e.key] && !h.open(v.Name, e.key) {
					h.Open = append(h.Open, Open{Vendor: v.Name, Type: e.kind, Key: e.key, State: OpenUnread})
				}
			}
		}
	}
	return nil
}

func (h *Holding) open(vendor, key string) bool {
	return slices.ContainsFunc(h.Open, func(o Open) bool { return o.Vendor == vendor && o.Key == key })
}
