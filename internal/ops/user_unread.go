package ops

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// mostUnread bounds the stored events that are searched for events of a user that a vendor has not
// read. Events that another vendor has read already are found without a search.
const mostUnread = 50_000

// unreadEvent is an event of the user before its registration at a vendor.
type unreadEvent struct {
	position events.Position
	stored   time.Time
	typ      string
	id, key  string
}

// isNotServed reports whether no process has served a vendor yet.
func isNotServed(err error) bool { return errors.Is(err, ErrNoConsumers) }

// addUnread adds to each vendor the events of the user that the process of the vendor has not read.
// Returns the number of stored events that were not searched.
func (s *Service) addUnread(ctx context.Context, h *History, facts []*vendorFacts) (unsearched uint64, err error) {
	extent, err := s.Streams.Client.Extent(ctx, s.eventsStream())
	if err != nil {
		return 0, err
	}
	found, unsearched, err := s.searchUnread(ctx, h.UserID, extent, facts)
	if err != nil {
		return 0, err
	}
	for _, e := range h.Events {
		known := func(u unreadEvent) bool { return u.position == e.order }
		if e.unplaced || e.EventID == "" || e.order.Epoch != extent.Epoch || slices.ContainsFunc(found, known) {
			continue
		}
		found = append(found, unreadEvent{position: e.order, typ: e.Type, id: e.EventID, key: e.Key})
	}
	slices.SortFunc(found, func(a, b unreadEvent) int { return a.position.Compare(b.position) })
	previewers, err := s.previewers(ctx)
	if err != nil {
		return unsearched, err
	}
	for _, f := range facts {
		for _, e := range found {
			if err := s.addUnreadAt(ctx, f, previewers[f.name], h, e); err != nil {
				return unsearched, err
			}
		}
	}
	return unsearched, nil
}

// addUnreadAt adds an event to a vendor that takes part in the event and has not read it.
func (s *Service) addUnreadAt(ctx context.Context, f *vendorFacts, p previewer, h *History, e unreadEvent) error {
	kind, known := f.consumerOf(e.typ)
	if !known || !f.waitsIn(kind, e.position, h.registered[f.name]) || f.has(e.key) {
		return nil
	}
	m, err := s.Streams.Events.Get(ctx, e.position)
	if errors.Is(err, streams.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	if p.ignores(s.messageOf(m)) {
		return nil
	}
	e.stored = m.Stored
	if len(f.unread) == 0 {
		if f.ahead, err = s.Streams.Events.Between(ctx, f.at[kind].Subjects, f.floor(kind), e.position.Seq); err != nil {
			return err
		}
	}
	f.unread = append(f.unread, e)
	return nil
}

// ignores reports whether the vendor is known to take no part in an event.
func (p previewer) ignores(m mailbox.Message) bool {
	if p.Previewer == nil || p.off != nil && p.needsAdapter[m.Subject] {
		return false
	}
	_, preview, decided := p.Read(m, 0)
	return decided && preview.Would == mailbox.PreviewUnsupported
}

// messageOf returns a stored event for a preview.
func (s *Service) messageOf(m streams.Message) mailbox.Message {
	return mailbox.Message{Stream: s.eventsStream(), Position: m.Position, Subject: m.Subject, Header: m.Header, Payload: m.Data, Stored: m.Stored}
}

// consumerOf returns the kind of the consumer of the vendor for a type of events.
func (f *vendorFacts) consumerOf(typ string) (kind string, ok bool) {
	for _, kind := range []string{Lifecycle, Activity} {
		if slices.Contains(f.at[kind].Subjects, typ) {
			return kind, true
		}
	}
	return "", false
}

// floor returns the sequence up to which the process of the vendor has read.
func (f *vendorFacts) floor(kind string) uint64 {
	if kind == Lifecycle {
		return max(f.committed.Seq, f.at[kind].Floor)
	}
	return f.at[kind].Floor
}

// waitsIn reports whether an event at a position is neither read nor registered.
func (f *vendorFacts) waitsIn(kind string, p, registered events.Position) bool {
	if kind == Activity {
		return p.Seq > f.at[kind].Floor
	}
	return f.committed.Before(p) && registered.Before(p)
}

// has reports whether the history has the event at this vendor.
func (f *vendorFacts) has(key string) bool {
	return slices.ContainsFunc(f.effects, func(e HistoryEvent) bool { return e.key == record.KeyOf(key) })
}

// searchUnread returns the events of the user behind the position of a vendor, in the order of the
// stream. If a vendor is far behind, the search begins at the position of the vendor that has read
// most: the others have what lies before.
func (s *Service) searchUnread(ctx context.Context, user string, extent streams.Extent, facts []*vendorFacts) (found []unreadEvent, unsearched uint64, err error) {
	after, first := extent.Last, extent.Last
	served := false
	for _, f := range facts {
		if f.off == "" && len(f.at) > 0 {
			at := min(f.committed.Seq, extent.Last)
			first = min(first, at)
			if !served || at > after {
				after = at
			}
			served = true
		}
	}
	if !served {
		after, first = 0, 0
	}
	if extent.Last-first <= mostUnread {
		after = first
	}
	translate, err := translator(s.Config)
	if err != nil {
		return nil, 0, err
	}
	last := after + mostUnread
	for m, err := range s.Streams.Client.Messages(ctx, s.eventsStream(), streams.Query{Subjects: events.Types(), After: after}) {
		if err != nil {
			return nil, 0, err
		}
		if m.Position.Seq > last {
			return found, extent.Last - min(extent.Last, last), nil
		}
		if e, ok := isOf(user, m, translate); ok {
			found = append(found, e)
		}
	}
	return found, 0, nil
}

// isOf returns a stored event of the user. translate may be nil.
func isOf(user string, m streams.Message, translate mailbox.Translate) (unreadEvent, bool) {
	plain := !bytes.ContainsAny(m.Data, `\`) && !bytes.Contains(m.Data, []byte("data_base64"))
	if translate == nil && plain && !bytes.Contains(m.Data, []byte(user)) {
		return unreadEvent{}, false
	}
	e, err := events.Lenient.FromNATS(m.Header, m.Data)
	if err == nil && translate != nil {
		e, err = translate(e)
	}
	if err != nil || events.UserID(e) != user {
		return unreadEvent{}, false
	}
	return unreadEvent{position: m.Position, stored: m.Stored, typ: m.Subject, id: e.ID(), key: events.Key(e.Source(), e.ID())}, true
}
