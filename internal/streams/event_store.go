package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// MaxMessage returns the most bytes of a message, headers included; zero before the server has
// announced a limit.
func (e *Events) MaxMessage() int64 { return e.client.maxMessage() }

// ReusedIDError reports events with the source and id of stored events of other content. All
// other events of the call are stored.
type ReusedIDError struct {
	Index []int // of the events, in the order of the call
}

// Error returns the rule.
func (e *ReusedIDError) Error() string {
	return "there are other events with the source and id of " + strconv.Itoa(len(e.Index)) + " of the events: give every event an id of its own"
}

// Send publishes an event on the subject of the type, and returns after the server's
// acknowledgement. Reports whether the event is new within the duplicate window. A
// *ReusedIDError reports a stored event with the source and id, and other content.
func (e *Events) Send(ctx context.Context, event events.Event) (isNew bool, err error) {
	m, err := e.message(event)
	if err != nil {
		return false, err
	}
	ack, err := e.client.Publish(ctx, e.name, m)
	if err != nil || !ack.Duplicate {
		return err == nil, err
	}
	same, err := e.repeats(ctx, ack.Sequence, event)
	if err == nil && !same {
		err = &ReusedIDError{Index: []int{0}}
	}
	return false, err
}

// message returns an event as the stream stores it.
func (e *Events) message(event events.Event) (*nats.Msg, error) {
	m, err := eventMessage(event.Type(), event)
	if err == nil && len(e.key) > 0 && events.IsWebhookSource(events.Source(event)) {
		m.Header.Set(events.HeaderSeal, events.Seal(event, e.key))
	}
	return m, err
}

// repeats reports whether the message that the server took for the first one of an event has
// the content of the event. A message that has left the stream cannot be compared, and counts
// as the same.
func (e *Events) repeats(ctx context.Context, first uint64, event events.Event) (bool, error) {
	m, err := e.get(ctx, first)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("compare with event %d: %w", first, err)
	}
	stored, err := events.Lenient.FromNATS(m.Header, m.Data)
	return err == nil && events.ContentOf(stored) == events.ContentOf(event), nil
}

// Store publishes events on the subjects of the types, all at once, and returns after the last
// acknowledgement. After an error some events may be stored; a repeat does no harm. A
// *ReusedIDError reports events with the source and id of events of other content.
func (e *Events) Store(ctx context.Context, list []events.Event) error {
	return e.StoreFrom(ctx, events.Channel{}, list)
}

// StoreFrom is Store for the events of one channel. Only events of the same channel can be
// repeats of each other for NATS.
func (e *Events) StoreFrom(ctx context.Context, from events.Channel, list []events.Event) error {
	messages := make([]*nats.Msg, 0, len(list))
	limit := e.MaxMessage()
	for _, event := range list {
		m, err := e.message(event)
		if err != nil {
			return err
		}
		if from != (events.Channel{}) { // the message has the id of the zero Channel
			m.Header.Set(events.HeaderMsgID, from.MsgID(event.Type(), events.Source(event), event.ID()))
		}
		least := len(m.Subject) + len(m.Data) // the size of the headers takes longer
		if limit > 0 && int64(least+headerRoom) > limit && int64(m.Size()) > limit {
			return fmt.Errorf("event %d of %d is %w", len(messages)+1, len(list), ErrTooLarge)
		}
		messages = append(messages, m)
	}
	ctx, cancel := e.client.call(ctx)
	defer cancel()
	publications := make([]Publication, 0, len(messages))
	for _, m := range messages {
		p, err := e.client.PublishAsync(e.name, m)
		if err != nil {
			return err
		}
		publications = append(publications, p)
	}
	reused := &ReusedIDError{}
	for i, p := range slices.Backward(publications) { // mostly only the last one has to be waited for
		ack, err := p.acknowledged(ctx)
		same := true
		if err == nil && ack.Duplicate {
			same, err = e.repeats(ctx, ack.Sequence, list[i])
		}
		if err != nil {
			return err
		}
		if !same {
			reused.Index = append(reused.Index, i)
		}
	}
	if len(reused.Index) > 0 {
		slices.Reverse(reused.Index)
		return reused
	}
	return nil
}

// Counts returns the number of events since a time: of user.deleted, and of all types.
func (e *Events) Counts(ctx context.Context, since time.Time) (deleted, all uint64, err error) {
	if deleted, err = e.countSince(ctx, since, e.client.Names.Event(events.UserDeleted)); err != nil {
		return 0, 0, err
	}
	all, err = e.countSince(ctx, since)
	return deleted, max(all, deleted), err
}

// countSince returns the number of messages since a time: of some subjects, or else of all. A
// consumer counts, so the server delivers nothing.
func (e *Events) countSince(ctx context.Context, since time.Time, subjects ...string) (uint64, error) {
	ctx, cancel := e.client.call(ctx)
	defer cancel()
	consumer, err := e.client.JetStream.CreateConsumer(ctx, e.name, jetstream.ConsumerConfig{
		FilterSubjects: subjects, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Second, // several counts a second are possible
	})
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", e.name, err)
	}
	return consumer.CachedInfo().NumPending, nil
}

// Original is an event in the stream of events.
type Original struct {
	Event events.Event
	events.Position
	Stored time.Time

	header  nats.Header
	payload []byte
}

// Key returns the event key.
func (o Original) Key() string { return events.Key(o.Event.Source(), o.Event.ID()) }

// Original reads the event at a position, or returns ErrGone.
func (e *Events) Original(ctx context.Context, p events.Position) (Original, error) {
	m, err := e.Get(ctx, p)
	if err != nil {
		return Original{}, err
	}
	event, err := events.Lenient.FromNATS(m.Header, m.Data)
	return Original{Event: event, Position: p, Stored: m.Stored, header: m.Header, payload: m.Data}, err
}
