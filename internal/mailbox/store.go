package mailbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// stored is a record as the store holds it, as far as this process knows.
type stored struct {
	known    bool
	record   *record.Record
	encoded  []byte
	revision uint64
}

// unreadableError is returned for a record that is not one of ours.
type unreadableError struct{ error }

// load reads the record of the user unless it is known.
func (m *Mailboxes) load(ctx context.Context, u *user) error {
	if u.stored.known {
		return nil
	}
	encoded, revision, err := m.task.deps.Records.Load(ctx, u.key)
	if err != nil {
		return fmt.Errorf("load record: %w", err)
	}
	s := stored{known: true, record: &record.Record{}, encoded: encoded, revision: revision}
	if len(encoded) > 0 {
		if s.record, err = record.Decode(encoded); err != nil {
			return unreadableError{err}
		}
	}
	u.stored = s
	return nil
}

// revise lets change work on a copy of the record and stores the copy. If the record was
// changed meanwhile, or if a store got no answer, revise reads the record and lets change
// work on it again: change must recognize its own work. A record that change leaves as it
// is, is not stored.
func (m *Mailboxes) revise(ctx context.Context, u *user, change func(*record.Record) error) error {
	const tries = 8
	for try := 1; ; try++ {
		if err := m.load(ctx, u); err != nil {
			return err
		}
		next := u.stored.record.Clone()
		if err := change(next); err != nil {
			return err
		}
		encoded, err := next.Encode()
		if err != nil {
			return fmt.Errorf("write record: %w", err)
		}
		if bytes.Equal(encoded, u.stored.encoded) {
			return nil
		}
		if next.Converted {
			if err := m.appendFormer(ctx, u); err != nil {
				return err
			}
			next.Converted = false
		}
		revision, err := m.task.deps.Records.Store(ctx, u.key, encoded, u.stored.revision)
		if err == nil {
			u.stored = stored{known: true, record: next, encoded: encoded, revision: revision}
			return nil
		}
		u.stored = stored{} // until it is read again
		if !errors.Is(err, ErrConflict) && try >= tries || ctx.Err() != nil {
			return fmt.Errorf("store record: %w", err)
		}
		if !errors.Is(err, ErrConflict) {
			pause(ctx, time.Duration(try)*20*time.Millisecond)
		}
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// errUndelivered says that the stream of replays has not been read up to the replay.
var errUndelivered = errors.New("the replay is not delivered yet")

// event returns the event of an effect: from the arrivals in hand, or by its position.
func (t *turn) event(ctx context.Context, e *record.Effect) (*Event, error) {
	if a := t.arrivalOf(e); a != nil {
		return a.event.as(e), nil
	}
	var message Message
	var err error
	if !e.Delivered() {
		return nil, errUndelivered
	}
	if e.Replay > 0 {
		message, err = t.deps.Replays.Get(ctx, e.ReplaySeq)
	} else {
		message, err = t.deps.Events.Get(ctx, e.Position)
	}
	if err != nil {
		return nil, err
	}
	event := t.read(message, e.Replay).as(e)
	if e.Replay > 0 && !event.isReplayOf(e) {
		return nil, ErrGone
	}
	return event, nil
}

// isReplayOf reports whether the event is the replay of an effect. The stream of replays may
// have been made anew: another message then has the sequence.
func (e *Event) isReplayOf(effect *record.Effect) bool {
	r, ok := streams.ReadReplayHeader(e.Message.Header)
	return ok && r.Number == effect.Replay && record.KeyOf(e.Key) == effect.Key
}

// as returns the event of an effect. An event that was rejected since it reuses an id has
// another key than its id says.
func (e *Event) as(effect *record.Effect) *Event {
	if record.KeyOf(e.Key) == effect.Key {
		return e
	}
	other := *e
	other.Key = reusedKey(e)
	return &other
}

// bury stores the dead letter of an effect.
func (t *task) bury(ctx context.Context, event *Event, e *record.Effect, o record.Outcome) error {
	first := e.Begun
	if first.IsZero() {
		first = e.Registered
	}
	t.letters = append(t.letters, deadLetter{effectID{e.Key, e.Replay}, e.Type, event.Key})
	return t.deps.DeadLetters.Add(ctx, streams.DeadLetter{
		Vendor: t.vendor.Name, Type: e.Type, Key: event.Key, EventID: event.ID(), Source: event.Source(),
		Class: o.Class, Status: o.Status, Message: o.Message, Pointer: event.pointer(), Rule: event.rule(),
		Attempts: e.Attempts, FirstTry: first.UTC(), LastTry: o.At,
		Epoch: e.Position.Epoch, Seq: e.Position.Seq, Stored: event.Message.Stored, Replay: e.Replay, Trace: t.traceparent(event),
		Subject: event.Message.Subject, Header: event.Message.Header, Payload: event.Message.Payload,
	})
}
