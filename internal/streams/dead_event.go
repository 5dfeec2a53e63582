package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/singleflight"
)

// EventPlace replaces the name of the vendor in the dead letter of an event that is itself at fault:
// one dead letter for all vendors.
const EventPlace = "events"

// OfEvent reports whether the dead letter is of an event for all vendors, not of an effect.
func (d DeadLetter) OfEvent() bool { return d.Vendor == EventPlace }

// mostStored is the number of dead letters of events that a process knows to be stored.
const mostStored = 4096

// storedOnce holds the ids of dead letters of events that this process has stored or found stored.
type storedOnce struct {
	flights singleflight.Group // of the vendors of this process

	mu            sync.Mutex
	newer, former map[string]bool // former: the generation before
}

func (s *storedOnce) has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newer[id] || s.former[id]
}

func (s *storedOnce) add(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newer == nil || len(s.newer) >= mostStored/2 {
		s.newer, s.former = map[string]bool{}, s.newer
	}
	s.newer[id] = true
}

// AddEvent stores the dead letter of an event that is itself at fault. Each vendor that reads the
// event calls AddEvent, in one process or in several: the first dead letter of the event and of the
// number of its replay is stored, and the others are dropped. Returns after the server's
// acknowledgement.
func (l *DeadLetters) AddEvent(ctx context.Context, d DeadLetter) error {
	d.Vendor = EventPlace
	id := fmt.Sprintf("%s.%s.%d", d.ID(), d.Type, d.Replay)
	if l.once.has(id) {
		return nil
	}
	_, err, _ := l.once.flights.Do(id, func() (any, error) {
		if l.once.has(id) {
			return nil, nil
		}
		return nil, l.addEvent(ctx, id, d)
	})
	return err
}

// addEvent is AddEvent without the memory of the process. The message has an id, so that the server
// drops a repeat within the duplicate window, also of a dead letter that was removed since.
func (l *DeadLetters) addEvent(ctx context.Context, id string, d DeadLetter) error {
	for sequence := uint64(0); ; {
		m, err := l.fit(d)
		if err != nil {
			return err
		}
		m.Header.Set(nats.MsgIdHdr, "dead."+id)
		err = l.publish(ctx, d, m, jetstream.WithExpectLastSequencePerSubject(sequence))
		if err == nil {
			l.once.add(id)
			return nil
		}
		if !errors.Is(err, ErrStaleRevision) {
			return err
		}
		stored, err := l.Get(ctx, d.Vendor, d.Type, d.Key)
		switch {
		case errors.Is(err, ErrNoDeadLetter): // removed since
			sequence = stored.sequence // of the marker
		case err != nil:
			return err
		case stored.Replay >= d.Replay:
			l.once.add(id)
			return nil
		default:
			sequence = stored.sequence
		}
	}
}

// ReplayEvent sends the event of a dead letter of EventPlace to vendors, and removes the dead letter:
// each vendor ends the replay with a result, and a failure with a dead letter. ErrStaleRevision
// reports a dead letter that changed since the caller read the letter; nothing is sent then. After an
// error the dead letter stays; a second call does no harm: the records know the number.
func (l *DeadLetters) ReplayEvent(ctx context.Context, d DeadLetter, vendors []string) error {
	if err := l.unchanged(ctx, d); err != nil {
		return err
	}
	for _, vendor := range vendors {
		one := d
		one.Vendor = vendor
		m := one.replay()
		m.Header.Set(headerPlace, EventPlace)
		if _, err := l.client.Publish(ctx, ReplaysStream, m); err != nil {
			return err
		}
	}
	return l.Remove(ctx, d)
}

// unchanged returns ErrStaleRevision if a dead letter changed since the read, and an error for a
// dead letter without a payload.
func (l *DeadLetters) unchanged(ctx context.Context, d DeadLetter) error {
	now, err := l.Get(ctx, d.Vendor, d.Type, d.Key)
	switch {
	case errors.Is(err, ErrNoDeadLetter) || (err == nil && now.sequence != d.sequence):
		return ErrStaleRevision
	case err != nil:
		return err
	case d.Omitted > 0:
		return errNoPayload
	}
	return nil
}
