package ops

import (
	"context"
	"encoding/json"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
)

// graves finds the dead letters of the story's effects, and adds those of the user
// of which the ledger has no record: of events that are at fault themselves, and of
// effects that it has forgotten.
func (d *Desk) graves(ctx context.Context, s *Story) error {
	type effect struct{ vendor, kind, key string }
	told := map[effect][]int{} // where in s.Events
	for i, e := range s.Events {
		one := effect{e.Vendor, e.Type, e.Key}
		told[one] = append(told[one], i)
	}
	return d.Bus.DeadLetters(ctx, func(l bus.DeadLetter) bool {
		at, known := told[effect{l.Vendor, l.Type, l.Key}]
		for _, i := range at {
			if e := &s.Events[i]; e.State == events.Failed || e.Replay > 0 { // else it is of a copy
				e.Dead = l.ID()
			}
		}
		if !known {
			if e := d.eventOf(l); e.Context != nil && events.UserID(e) == s.UserID {
				s.Events = append(s.Events, refusal(l, e))
			}
		}
		return true
	})
}

// eventOf is the event of a dead letter, or what a delivery has become so far; the
// zero event where nothing can be read.
func (d *Desk) eventOf(l bus.DeadLetter) events.Event {
	if l.Vendor == Deliveries {
		e, _ := d.made.event(l) // what is wrong with it stands in the letter
		return e
	}
	e, _ := events.FromNATS(l.Header, l.Payload)
	return e
}

// refusal is a dead letter as an event of the story.
func refusal(l bus.DeadLetter, e events.Event) StoryEvent {
	var data struct {
		Course string `json:"course_id"`
	}
	_ = json.Unmarshal(e.Data(), &data) // the data may be what is wrong
	told := StoryEvent{
		Time: l.FirstTry, Vendor: l.Vendor, Type: l.Type, EventID: l.EventID, Source: l.Source, Key: l.Key, Course: data.Course,
		State: events.Failed, Attempts: l.Attempts, Last: &l.LastTry, Ended: &l.LastTry, Why: l.Message, Replay: l.Replay, Dead: l.ID(),
		order: ledger.Order{Epoch: l.Epoch, Seq: l.Seq},
	}
	if l.Vendor != Deliveries {
		told.Result = events.ResultID(l.Key, l.Vendor, l.Replay)
	}
	return told
}
