package ops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/telemetry"
)

// EventQuery names an event.
type EventQuery struct {
	ID       string
	Source   string // empty: of any source
	UserID   string // if known, the event is found by the history, without a search
	Progress func(what string, read int)
}

// EventView is a stored event, and its outcome at each vendor.
type EventView struct {
	EventID string    `json:"event_id"`
	Source  string    `json:"source"`
	Type    string    `json:"type"`
	Key     string    `json:"key"`
	UserID  string    `json:"user_id,omitempty"`
	Time    time.Time `json:"time,omitzero"` // by the sender
	Stored  time.Time `json:"stored"`
	Seq     uint64    `json:"seq"`                // in the stream of events
	Trace   string    `json:"trace_id,omitempty"` // with traces on
	// Vendors has the effect at each vendor that takes part, with the states of a HistoryEvent, or
	// UserQueued and UserOff.
	Vendors []HistoryEvent `json:"vendors"`

	Header  map[string][]string `json:"-"` // as received, with personal data
	Payload []byte              `json:"-"`
}

// EventSearch is the result of a search for an event.
type EventSearch struct {
	Events   []EventView          `json:"events"` // with the id, the oldest first
	Letters  []streams.DeadLetter `json:"-"`      // dead letters of the id, if no event is stored
	Searched int                  `json:"searched"`
	By       string               `json:"-"` // the stream
}

// FindEvent searches the stream of events for an id, with the outcome at each vendor. Without the user
// of the event every stored event is read: a million takes some ten seconds. If no event has the id,
// dead letters with the id are returned, since they keep their event longer.
func (s *Service) FindEvent(ctx context.Context, q EventQuery) (EventSearch, error) {
	found := EventSearch{Events: []EventView{}, By: s.eventsStream()}
	list, err := s.eventsOfUser(ctx, q)
	if err == nil && len(list) == 0 {
		list, err = s.searchEvents(ctx, q, &found)
	}
	if err != nil {
		return found, err
	}
	for _, m := range list {
		view, err := s.viewOf(ctx, m)
		if err != nil {
			return found, err
		}
		found.Events = append(found.Events, view)
	}
	if len(list) > 0 {
		return found, nil
	}
	for l, err := range s.Streams.DeadLetters.List(ctx) {
		if err != nil {
			return found, err
		}
		if l.EventID == q.ID && (q.Source == "" || q.Source == l.Source) {
			found.Letters = append(found.Letters, l)
		}
	}
	return found, nil
}

// eventsOfUser returns the events with the id in the history of the user; none without a user.
func (s *Service) eventsOfUser(ctx context.Context, q EventQuery) (list []streams.Message, err error) {
	if q.UserID == "" {
		return nil, nil
	}
	h, err := s.History(ctx, q.UserID)
	if err != nil {
		return nil, err
	}
	for _, e := range h.Events {
		at := func(m streams.Message) bool { return m.Position == e.order }
		if e.EventID != q.ID || q.Source != "" && e.Source != q.Source || e.unplaced || slices.ContainsFunc(list, at) {
			continue
		}
		m, err := s.Streams.Events.Get(ctx, e.order)
		switch {
		case err == nil:
			list = append(list, m)
		case !errors.Is(err, streams.ErrGone):
			return nil, err
		}
	}
	return list, nil
}

// searchEvents reads the stream of events for an id.
func (s *Service) searchEvents(ctx context.Context, q EventQuery, found *EventSearch) (list []streams.Message, err error) {
	translate, err := translator(s.Config)
	if err != nil {
		return nil, err
	}
	for m, err := range s.Streams.Client.Messages(ctx, found.By, streams.Query{Subjects: events.Types()}) {
		if err != nil {
			return nil, err
		}
		found.Searched++
		if q.Progress != nil {
			q.Progress(found.By, found.Searched)
		}
		if hasID(m, q, translate) {
			list = append(list, m)
		}
	}
	return list, nil
}

// hasID reports whether a message is an event with the id. translate may be nil.
func hasID(m streams.Message, q EventQuery, translate mailbox.Translate) bool {
	id := []byte(q.ID)
	if translate == nil && !bytes.Contains(m.Data, id) && !bytes.ContainsAny(m.Data, `\`) && m.Header.Get("ce-id") == "" {
		return false
	}
	e, err := events.Lenient.FromNATS(m.Header, m.Data)
	if err == nil && translate != nil {
		e, err = translate(e)
	}
	return err == nil && e.ID() == q.ID && (q.Source == "" || e.Source() == q.Source)
}

// viewOf returns a stored event with its outcome at each vendor.
func (s *Service) viewOf(ctx context.Context, m streams.Message) (EventView, error) {
	translate, err := translator(s.Config)
	if err != nil {
		return EventView{}, err
	}
	e, err := events.Lenient.FromNATS(m.Header, m.Data)
	if err == nil && translate != nil {
		e, err = translate(e)
	}
	if err != nil {
		return EventView{}, fmt.Errorf("event %d: %w", m.Position.Seq, err)
	}
	v := EventView{
		EventID: e.ID(), Source: e.Source(), Type: m.Subject, Key: events.Key(e.Source(), e.ID()), UserID: events.UserID(e),
		Time: e.Time(), Stored: m.Stored, Seq: m.Position.Seq, Header: m.Header, Payload: m.Data, Vendors: []HistoryEvent{},
	}
	v.Trace = s.traceOf(e, v.Key)
	return v, s.addOutcomes(ctx, &v, m)
}

// traceOf returns the id of the trace of an event; empty if traces are off.
func (s *Service) traceOf(e events.Event, key string) string {
	if s.Config.Traces.Endpoint == "" {
		return ""
	}
	if id := telemetry.TraceID(events.Extension(e, "traceparent")); id != "" {
		return id
	}
	return key
}

// addOutcomes adds the effect of an event at each vendor.
func (s *Service) addOutcomes(ctx context.Context, v *EventView, m streams.Message) error {
	if v.UserID == "" {
		return s.addLetters(ctx, v)
	}
	u, facts, err := s.look(ctx, v.UserID)
	if err != nil {
		return err
	}
	for _, e := range u.Events {
		if e.key == record.KeyOf(v.Key) && e.Type == v.Type {
			v.Vendors = append(v.Vendors, e)
		}
	}
	for _, f := range facts {
		if f.has(v.Key) {
			continue
		}
		if line, ok, err := s.withoutEffect(ctx, f, v, m); err != nil {
			return err
		} else if ok {
			v.Vendors = append(v.Vendors, line)
		}
	}
	return nil
}

// addLetters adds the dead letters of an event without a user.
func (s *Service) addLetters(ctx context.Context, v *EventView) error {
	for l, err := range s.Streams.DeadLetters.List(ctx) {
		if err != nil {
			return err
		}
		if l.EventID == v.EventID && l.Source == v.Source && l.Type == v.Type {
			v.Vendors = append(v.Vendors, refusal(l, s.decode(l)[0]))
		}
	}
	return nil
}

// withoutEffect returns the state of an event at a vendor that has no effect of it yet; false if the
// vendor takes no part.
func (s *Service) withoutEffect(ctx context.Context, f *vendorFacts, v *EventView, m streams.Message) (HistoryEvent, bool, error) {
	line := HistoryEvent{Time: m.Stored, Vendor: f.name, Type: v.Type, EventID: v.EventID, Source: v.Source, Key: v.Key, State: UserQueued}
	kind, known := f.consumerOf(v.Type)
	switch {
	case f.off != "":
		line.State, line.Why = UserOff, f.off
		return line, f.mode == UserOff, nil
	case !known || !slices.ContainsFunc(f.unread, func(e unreadEvent) bool { return e.key == v.Key }):
		return line, false, nil
	}
	ahead, err := s.Streams.Events.Between(ctx, f.at[kind].Subjects, f.floor(kind), m.Position.Seq)
	line.Why = number(ahead, "event") + " of the stream come before it at this vendor"
	switch {
	case f.pause != nil:
		line.Why = "a person paused the vendor; " + line.Why
	case f.hold != nil:
		line.Why = "vendor on hold: " + f.hold.Why + "; " + line.Why
	}
	return line, true, err
}
