package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// DeadLetter is an effect that failed for good, with all that a person needs to
// judge it and all that is needed to send it back.
type DeadLetter struct {
	Vendor   string    `json:"vendor"`
	Type     string    `json:"type"` // of the event, or the subject it came on
	Key      string    `json:"key"`  // of the event
	EventID  string    `json:"event_id,omitempty"`
	Source   string    `json:"source,omitempty"`
	Class    string    `json:"class"`
	Status   int       `json:"status,omitempty"`
	Message  string    `json:"message"`
	Pointer  string    `json:"pointer,omitempty"` // into the event, where it is at fault
	Rule     string    `json:"rule,omitempty"`    // that it breaks
	Attempts int       `json:"attempts"`
	FirstTry time.Time `json:"first_try"`
	LastTry  time.Time `json:"last_try"`
	Epoch    int64     `json:"epoch"` // the order of the event's first message
	Seq      uint64    `json:"seq"`
	Replay   int       `json:"replay"` // how often it had been sent back
	Trace    string    `json:"traceparent,omitempty"`

	Subject string              `json:"subject"` // the event as it came
	Header  map[string][]string `json:"header,omitempty"`
	Payload []byte              `json:"payload"`

	at uint64 // where it stands in its stream, as it was read
}

// Subject is what a dead letter is published on. A newer one for the same effect
// takes its place.
func (d DeadLetter) subject() string {
	return fmt.Sprintf("usher.dead.%s.%s.%s", d.Vendor, d.Type, d.Key)
}

// ID names a dead letter for people: vendor and event key.
func (d DeadLetter) ID() string { return d.Vendor + "." + d.Key }

// Bury stores a dead letter, and returns once the server has it.
func (b *Bus) Bury(ctx context.Context, d DeadLetter) error {
	d.Header = kept(d.Header)
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("write dead letter: %w", err)
	}
	_, err = b.put(ctx, &nats.Msg{Subject: d.subject(), Data: body, Header: nats.Header{"Content-Type": {"application/json"}}})
	return err
}

// ErrNoDeadLetter is returned where there is none of that name.
var ErrNoDeadLetter = errors.New("no such dead letter")

// DeadLetters calls yield with each dead letter, oldest first, until it returns
// false.
func (b *Bus) DeadLetters(ctx context.Context, yield func(DeadLetter) bool) error {
	stream, err := b.js.Stream(ctx, DeadStream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", DeadStream, err)
	}
	for seq := uint64(1); ; seq++ {
		raw, err := stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject("usher.dead.>"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read dead letters: %w", err)
		}
		seq = raw.Sequence
		var d DeadLetter
		if err := json.Unmarshal(raw.Data, &d); err != nil {
			continue // not one of ours
		}
		d.at = raw.Sequence
		if !yield(d) {
			return nil
		}
	}
}

// DeadLetter returns the one with this ID.
func (b *Bus) DeadLetter(ctx context.Context, id string) (DeadLetter, error) {
	var found *DeadLetter
	err := b.DeadLetters(ctx, func(d DeadLetter) bool {
		if d.ID() == id {
			found = &d
		}
		return found == nil
	})
	switch {
	case err != nil:
		return DeadLetter{}, err
	case found == nil:
		return DeadLetter{}, fmt.Errorf("%s: %w", id, ErrNoDeadLetter)
	}
	return *found, nil
}

// The headers of a replay, which carry what the first message had.
const (
	headerKey    = "Usher-Key"
	headerEpoch  = "Usher-Epoch"
	headerSeq    = "Usher-Seq"
	headerReplay = "Usher-Replay"
)

// Replay sends a dead letter back to its vendor, with its first order and the
// next replay number, and removes it once the server has taken the replay.
func (b *Bus) Replay(ctx context.Context, d DeadLetter) error {
	replay := strconv.Itoa(d.Replay + 1)
	header := nats.Header(kept(d.Header))
	header.Set(headerKey, d.Key)
	header.Set(headerEpoch, strconv.FormatInt(d.Epoch, 10))
	header.Set(headerSeq, strconv.FormatUint(d.Seq, 10))
	header.Set(headerReplay, replay)
	// With the type, since two events of a producer that gives an id twice have one key.
	header.Set(nats.MsgIdHdr, d.ID()+"."+d.Type+"."+replay)
	subject := fmt.Sprintf("usher.replay.%s.%s", d.Vendor, d.Type)
	if _, err := b.put(ctx, &nats.Msg{Subject: subject, Header: header, Data: d.Payload}); err != nil {
		return err
	}
	return b.Drop(ctx, d)
}

// Drop removes a dead letter as it was read. One that has taken its place since
// stays: a replay may fail again before its dead letter is removed.
func (b *Bus) Drop(ctx context.Context, d DeadLetter) error {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	stream, err := b.js.Stream(ctx, DeadStream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", DeadStream, err)
	}
	opts := []jetstream.StreamPurgeOpt{jetstream.WithPurgeSubject(d.subject())}
	if d.at > 0 {
		opts = append(opts, jetstream.WithPurgeSequence(d.at+1))
	}
	if err := stream.Purge(ctx, opts...); err != nil {
		return fmt.Errorf("drop dead letter: %w", err)
	}
	return nil
}

// Replayed is what the headers of a replay say of its first message.
type Replayed struct {
	Key    string
	Epoch  int64
	Seq    uint64
	Number int
}

// ReadReplay reads the headers of a replay. ok is false for a message that is
// not one; a message on REPLAYS that is not one was not sent by usher.
func ReadReplay(header map[string][]string) (r Replayed, ok bool) {
	h := nats.Header(header)
	r.Key = h.Get(headerKey)
	number, err1 := strconv.Atoi(h.Get(headerReplay))
	epoch, err2 := strconv.ParseInt(h.Get(headerEpoch), 10, 64)
	seq, err3 := strconv.ParseUint(h.Get(headerSeq), 10, 64)
	r.Number, r.Epoch, r.Seq = number, epoch, seq
	return r, r.Key != "" && errors.Join(err1, err2, err3) == nil
}
