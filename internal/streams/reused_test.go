package streams_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// TestReusedIDIsSeen stores events with one source and id.
func TestReusedIDIsSeen(t *testing.T) {
	e := start(t)
	e.create(jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"user.*", "activity.*"}})
	stream := streams.NewEvents(e.client(), "EVENTS")
	const first = `{"specversion":"1.0","id":"upd-7","source":"/school","type":"user.updated","time":"2026-03-01T09:30:00Z","data":{"user_id":"u","email":"ada@example.org","first_name":"B"}}`
	store := func(texts ...string) error {
		var list []events.Event
		for _, text := range texts {
			event, err := events.Parse([]byte(text))
			check(t, err)
			list = append(list, event)
		}
		return stream.Store(t.Context(), list)
	}
	check(t, store(first))
	changed := func(old, replacement string) string { return strings.Replace(first, old, replacement, 1) }
	tests := map[string]struct {
		event string
		other bool
	}{
		"same bytes":           {first, false},
		"white space":          {changed(`,"data":{`, ` , "data" : { `), false},
		"other order":          {changed(`"user_id":"u","email":"ada@example.org"`, `"email":"ada@example.org","user_id":"u"`), false},
		"escapes":              {changed(`"B"`, `"\u0042"`), false},
		"no time":              {changed(`"time":"2026-03-01T09:30:00Z",`, ``), false},
		"a trace context":      {changed(`"data"`, `"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data"`), false},
		"a blank member":       {changed(`"first_name"`, `"last_name":null,"first_name"`), false},
		"blank at the address": {changed(`ada@example.org`, `ada@example.org `), false},
		"other name":           {changed(`"B"`, `"C"`), true},
		"other user":           {changed(`"u"`, `"v"`), true},
		"name missing":         {changed(`,"first_name":"B"`, ``), true},
		"other case":           {changed(`"B"`, `"b"`), true},
		"an end":               {changed(`"data"`, `"expirytime":"2026-03-02T00:00:00Z","data"`), true},
		"other text for a set": {changed(`"B"`, `["B"]`), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := store(test.event)
			reused, isReused := errors.AsType[*streams.ReusedIDError](err)
			if isReused != test.other || err != nil && !isReused {
				t.Errorf("got %v", err)
			}
			if isReused && !slices.Equal(reused.Index, []int{0}) {
				t.Errorf("got events %v", reused.Index)
			}
		})
	}
	fresh := changed("upd-7", "upd-8")
	if reused, ok := errors.AsType[*streams.ReusedIDError](store(first, changed(`"B"`, `"C"`), fresh)); !ok || !slices.Equal(reused.Index, []int{1}) {
		t.Errorf("batch: got %+v", reused)
	}
	if err := store(fresh); err != nil || e.info("EVENTS").State.Msgs != 2 {
		t.Errorf("the rest of the batch: got %v and %d events", err, e.info("EVENTS").State.Msgs)
	}
	event, err := events.Parse([]byte(changed(`"B"`, `"C"`)))
	check(t, err)
	if _, err := stream.Send(t.Context(), event); err == nil {
		t.Error("Send takes other content for a repeat")
	}
	check(t, e.stream("EVENTS").DeleteMsg(t.Context(), 1))
	if err := store(first); err != nil {
		t.Errorf("the first message is gone: got %v", err)
	}
}

// TestReusedMsgID compares an event with a message of a producer that chose the id of another
// event as Nats-Msg-Id.
func TestReusedMsgID(t *testing.T) {
	e := start(t)
	e.create(jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"user.*", "activity.*"}})
	stream := streams.NewEvents(e.client(), "EVENTS")
	deleted, err := events.Parse([]byte(`{"specversion":"1.0","id":"d-1","source":"/school","type":"user.deleted","data":{"user_id":"u"}}`))
	check(t, err)
	forged := nats.NewMsg(events.ActivityTracked)
	forged.Header.Set(events.HeaderMsgID, events.MsgID(deleted.Type(), deleted.Source(), deleted.ID()))
	forged.Data = []byte(`{"specversion":"1.0","id":"x","source":"/x","type":"activity.tracked","data":{"user_id":"u","name":"n"}}`)
	_, err = e.js.PublishMsg(t.Context(), forged)
	check(t, err)
	if err := stream.Store(t.Context(), []events.Event{deleted}); err == nil {
		t.Error("a deletion vanished behind a message with a guessed id")
	}
}

// TestChannelsDoNotShareMsgIDs stores one event over channels, behind a message of a producer on
// NATS that guessed the public Nats-Msg-Id.
func TestChannelsDoNotShareMsgIDs(t *testing.T) {
	e := start(t)
	e.create(jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"user.*", "activity.*"}})
	stream := streams.NewEvents(e.client(), "EVENTS")
	deleted, err := events.Parse([]byte(`{"specversion":"1.0","id":"d-1","source":"/school","type":"user.deleted","data":{"user_id":"u"}}`))
	check(t, err)
	forged := nats.NewMsg(events.ActivityTracked)
	forged.Header.Set(events.HeaderMsgID, events.MsgID(deleted.Type(), deleted.Source(), deleted.ID()))
	forged.Data = []byte(`{"specversion":"1.0","id":"x","source":"/x","type":"activity.tracked","data":{"user_id":"u","name":"n"}}`)
	_, err = e.js.PublishMsg(t.Context(), forged)
	check(t, err)
	school, crm := events.NewChannel("school", "secret-of-the-school"), events.NewChannel("crm", "secret-of-the-crm")
	for _, step := range []struct {
		name string
		from events.Channel
		want uint64 // stored messages
	}{{"first", school, 2}, {"a repeat", school, 2}, {"of another sender", crm, 3}, {"a repeat there", crm, 3}} {
		if err := stream.StoreFrom(t.Context(), step.from, []events.Event{deleted}); err != nil || e.info("EVENTS").State.Msgs != step.want {
			t.Errorf("%s: got %v and %d messages, want %d", step.name, err, e.info("EVENTS").State.Msgs, step.want)
		}
	}
}
