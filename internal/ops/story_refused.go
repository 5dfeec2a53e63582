package ops

import (
	"context"
	"encoding/json"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// graves finds the dead letters of the effects in the story, and adds those of the user
// that no effect is known of: of events that are at fault, and of effects that are forgotten.
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
	for l, err := range d.Streams.DeadLetters.List(ctx) {
		if err != nil {
			return err
		}
		at, ok := known[effect{l.Vendor, l.Type, record.KeyOf(l.Key)}]
		for _, i := range at {
			if e := &s.Events[i]; e.State == events.Failed || e.Replay > 0 { // otherwise it is of a copy
				e.Dead, e.Key = l.ID(), l.Key
			}
		}
		if !ok {
			if e := d.eventOf(l); e.Context != nil && events.UserID(e) == s.UserID {
				s.Events = append(s.Events, refusal(l, e))
			}
		}
	}
	return nil
}

// eventOf is the event of a dead letter, or what a delivery has become so far; the
// zero event where nothing can be read.
func (d *Desk) eventOf(l streams.DeadLetter) events.Event {
	if l.Vendor == Deliveries {
		e, _ := d.made.event(l) // what is wrong with it stands in the letter
		return e
	}
	e, _ := events.FromNATS(l.Header, l.Payload)
	return e
}

// refusal is a dead letter as an event of the story.
func refusal(l streams.DeadLetter, e events.Event) StoryEvent {
	var data struct {
		Course string `json:"course_id"`
	}
	_ = json.Unmarshal(e.Data(), &data) // the data may be what is wrong
	return StoryEvent{
		Time: l.FirstTry, Vendor: l.Vendor, Type: l.Type, EventID: l.EventID, Source: l.Source, Key: l.Key, Course: data.Course,
		State: events.Failed, Attempts: l.Attempts, Last: &l.LastTry, Ended: &l.LastTry, Why: l.Message, Replay: l.Replay, Dead: l.ID(),
		key: record.KeyOf(l.Key), order: events.Position{Epoch: l.Epoch, Seq: l.Seq},
	}
}
