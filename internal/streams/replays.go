package streams

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// Replays is the stream of replays: events that go to one vendor once more. A replay stays in
// the stream until Remove. The methods may be called concurrently.
type Replays struct {
	events *Events
}

// NewReplays returns the stream of replays with a name. The stream may be created later.
func NewReplays(c Client, stream string) *Replays {
	return &Replays{NewEvents(c, c.Names.Stream(stream))}
}

// Read returns a reader of the replays after a position; after the zero Position, of all that
// are stored. The first Next makes the consumer.
func (r *Replays) Read(c ReaderConfig) (*EventReader, error) { return r.events.Read(c) }

// Get returns a stored replay, or ErrGone. The sequence is that of the stream of replays.
func (r *Replays) Get(ctx context.Context, seq uint64) (Message, error) {
	m, err := r.events.get(ctx, seq)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return Message{}, fmt.Errorf("replay %d: %w", seq, ErrGone)
	case err != nil:
		return Message{}, fmt.Errorf("replay %d: %w", seq, err)
	}
	epoch, _ := r.events.seen()
	return Message{Position: events.Position{Epoch: epoch, Seq: m.Sequence}, Subject: r.events.client.Names.plain(m.Subject), Header: m.Header, Data: m.Data, Stored: m.Time}, nil
}

// Remove removes a stored replay. A replay that is not stored is no error.
func (r *Replays) Remove(ctx context.Context, seq uint64) error {
	s, err := r.events.open(ctx)
	if err == nil {
		limited, cancel := r.events.client.call(ctx)
		defer cancel()
		err = r.events.client.deleteError(ctx, r.events.name, seq, s.DeleteMsg(limited, seq))
	}
	if err != nil {
		return fmt.Errorf("remove replay %d: %w", seq, err)
	}
	return nil
}

// List returns the stored replays for a vendor, or for all vendors if vendor is empty, the
// oldest first.
func (r *Replays) List(ctx context.Context, vendor string) iter.Seq2[Replay, error] {
	subject := replaySubject + ".>"
	if vendor != "" {
		subject = replaySubject + "." + vendor + ".>"
	}
	return r.read(ctx, Query{Subjects: []string{subject}})
}

// read returns the stored replays of a query.
func (r *Replays) read(ctx context.Context, q Query) iter.Seq2[Replay, error] {
	return func(yield func(Replay, error) bool) {
		for m, err := range r.events.client.Messages(ctx, r.events.name, q) {
			replay := Replay{Message: m, Vendor: tokenOf(m.Subject, 2)}
			replay.Header, replay.Valid = ReadReplayHeader(m.Header)
			if !yield(replay, err) {
				return
			}
		}
	}
}

// Headers returns the stored replays of all vendors without their data, the oldest first.
func (r *Replays) Headers(ctx context.Context) iter.Seq2[Replay, error] {
	return r.read(ctx, Query{Subjects: []string{replaySubject + ".>"}, HeadersOnly: true})
}

// Send sends a dead letter to its vendor under the next number, without a change of the dead letter.
// A second call with the same dead letter does no harm: the record knows the number.
func (r *Replays) Send(ctx context.Context, d DeadLetter) error {
	_, err := r.events.client.Publish(ctx, r.events.name, d.replay())
	return err
}

// Repair is a replay of an event that brings a changed account back in step with the record.
type Repair struct {
	Original
	Vendor  string
	Account string // the vendor's id of the account in the record
	Replay  int    // above all numbers of the effect
}

// Repair sends an event to a vendor once more, with the position of the original. A second
// call with the same Repair does no harm: the record knows the number.
func (r *Replays) Repair(ctx context.Context, repair Repair) error {
	return r.Send(ctx, DeadLetter{
		Vendor: repair.Vendor, Type: repair.Event.Type(), Key: repair.Key(), Epoch: repair.Epoch, Seq: repair.Seq,
		Stored: repair.Stored, Replay: repair.Replay - 1, Repair: repair.Account, Header: repair.header, Payload: repair.payload,
	})
}
