package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// graves sets the dead letters of the effects in the history. Dead letters of the user without an
// effect are added: of invalid events, and of effects no longer stored.
func (d *Desk) graves(ctx context.Context, s *Story) error {
	type effect struct {
		vendor, kind string
		key          record.Key
	}
	known := map[effect][]int{} // indices of s.Events
	for i, e := range s.Events {
		one := effect{e.Vendor, e.Type, e.key}
		known[one] = append(known[one], i)
	}
	return d.Bus.DeadLetters(ctx, func(l bus.DeadLetter) bool {
		at, ok := known[effect{l.Vendor, l.Type, record.KeyOf(l.Key)}]
		for _, i := range at {
			if e := &s.Events[i]; e.State == events.Failed || e.Replay > 0 { // otherwise the dead letter belongs to a copy
				e.Dead, e.Key = l.ID(), l.Key
			}
		}
		if !ok {
			if e := d.eventOf(l); e.Context != nil && events.UserID(e) == s.UserID {
				s.Events = append(s.Events, refusal(l, e))
			}
		}
		return true
	})
}

// nameHolders names the users who hold the accounts of conflicts, as long as they are known:
// what is stored of a conflict names the record only.
func (d *Desk) nameHolders(ctx context.Context, s *Story) error {
	store, err := d.records(ctx, bus.AccountsKV)
	if err != nil {
		return err
	}
	for i := range s.Events {
		e := &s.Events[i]
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

// eventOf returns the event of a dead letter, as far as it can be read.
func (d *Desk) eventOf(l bus.DeadLetter) events.Event {
	if l.Vendor == Deliveries {
		e, _ := d.made.event(l) // the dead letter has the fault
		return e
	}
	e, _ := events.FromNATS(l.Header, l.Payload)
	return e
}

// refusal returns a dead letter as an effect of the history.
func refusal(l bus.DeadLetter, e events.Event) StoryEvent {
	var data struct {
		Course string `json:"course_id"`
	}
	_ = json.Unmarshal(e.Data(), &data) // the data may be invalid
	return StoryEvent{
		Time: l.FirstTry, Vendor: l.Vendor, Type: l.Type, EventID: l.EventID, Source: l.Source, Key: l.Key, Course: data.Course,
		State: events.Failed, Attempts: l.Attempts, Last: &l.LastTry, Ended: &l.LastTry, Why: l.Message, Replay: l.Replay, Dead: l.ID(),
		key: record.KeyOf(l.Key), order: events.Position{Epoch: l.Epoch, Seq: l.Seq},
	}
}
