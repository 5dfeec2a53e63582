package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// deadLetters sets the dead letters of the effects in the history. Dead letters of the user without an
// effect are added: of invalid events, and of effects no longer stored.
func (s *Service) deadLetters(ctx context.Context, h *History) error {
	type effect struct {
		vendor, kind string
		key          record.Key
	}
	known := map[effect][]int{} // indices of s.Events
	for i, e := range h.Events {
		for _, place := range []string{e.Vendor, streams.EventPlace} {
			one := effect{place, e.Type, e.key}
			known[one] = append(known[one], i)
		}
	}
	for l, err := range s.Streams.DeadLetters.List(ctx) {
		if err != nil {
			return err
		}
		at, ok := known[effect{l.Vendor, l.Type, record.KeyOf(l.Key)}]
		for _, i := range at {
			if e := &h.Events[i]; e.State == events.Failed || e.Replay > 0 { // otherwise the dead letter belongs to a copy
				e.Dead, e.Key, e.Class = l.ID(), l.Key, l.Class
			}
		}
		if !ok {
			for _, e := range s.decode(l) {
				if e.Context != nil && events.UserID(e) == h.UserID {
					h.Events = append(h.Events, refusal(l, e))
				}
			}
		}
	}
	return nil
}

// nameHolders names the holders of the accounts in conflict, as long as the users are known:
// the stored message of a conflict names the record only.
func (s *Service) nameHolders(ctx context.Context, h *History) error {
	store, err := s.records(ctx, streams.AccountsBucket)
	if err != nil {
		return err
	}
	for _, e := range h.runs() {
		key := mailbox.HolderOf(e.Why)
		if key == "" {
			continue
		}
		holder, err := store.Load(ctx, key)
		if err != nil {
			return err
		}
		if id := holder.Record.UserID; id != "" {
			e.Why = strings.Replace(e.Why, "another user (record "+key+")", fmt.Sprintf("user %q", id), 1)
		}
	}
	return nil
}

// decode returns the event of a dead letter, from a delivery all events by the mapping. An event that
// cannot be read is the zero event.
func (s *Service) decode(l streams.DeadLetter) (list []events.Event) {
	if l.Vendor == Deliveries {
		outcomes, _ := s.mapper.outcomes(l) // the dead letter has the fault
		for _, o := range outcomes {
			list = append(list, o.Event)
		}
		return list
	}
	e, _ := events.Lenient.FromNATS(l.Header, l.Payload)
	return []events.Event{e}
}

// refusal returns a dead letter as an event of the history.
func refusal(l streams.DeadLetter, e events.Event) HistoryEvent {
	var data struct {
		Course string `json:"course_id"`
	}
	e, _ = events.Clean(e)
	_ = json.Unmarshal(e.Data(), &data) // the data may be invalid
	return HistoryEvent{
		Time: l.FirstTry, Vendor: l.Vendor, Type: l.Type, EventID: l.EventID, Source: l.Source, Key: l.Key, Course: data.Course,
		State: events.Failed, Attempts: l.Attempts, Last: &l.LastTry, Ended: &l.LastTry, Class: l.Class, Why: l.Message, Replay: l.Replay, Dead: l.ID(),
		key: record.KeyOf(l.Key), order: events.Position{Epoch: l.Epoch, Seq: l.Seq},
	}
}
