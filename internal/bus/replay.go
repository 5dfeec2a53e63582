package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The headers of a replay, which carry what the first message had.
const (
	headerKey    = "Usher-Key"
	headerEpoch  = "Usher-Epoch"
	headerSeq    = "Usher-Seq"
	headerReplay = "Usher-Replay"
	headerStored = "Usher-Stored"
)

// ErrMoved is returned where a dead letter is no longer as it was read: it was
// sent back or dropped by another, it has left, or it has failed again.
var ErrMoved = errors.New("it has changed since it was read")

// AsReplay is what a dead letter is sent back as: with its first order, and the
// next replay number.
func (d DeadLetter) AsReplay() (subject string, header map[string][]string) {
	replay := strconv.Itoa(d.Replay + 1)
	h := nats.Header(kept(d.Header))
	h.Set(headerKey, d.Key)
	h.Set(headerEpoch, strconv.FormatInt(d.Epoch, 10))
	h.Set(headerSeq, strconv.FormatUint(d.Seq, 10))
	h.Set(headerReplay, replay)
	h.Set(headerStored, d.Stored.UTC().Format(time.RFC3339Nano))
	// With the type, since two events of a producer that gives an id twice have one key.
	h.Set(nats.MsgIdHdr, d.ID()+"."+d.Type+"."+replay)
	return fmt.Sprintf("usher.replay.%s.%s", d.Vendor, d.Type), h
}

// kept returns the headers of a message that come with its event, and not from the server.
func kept(header map[string][]string) map[string][]string {
	out := map[string][]string{}
	for name, values := range header {
		if !strings.HasPrefix(strings.ToLower(name), "nats-") {
			out[name] = values
		}
	}
	return out
}

// Replay sends a dead letter, as it was read, back to its vendor. The dead letter
// stays, marked as being replayed, until Settle or the next Bury. Where it is no
// longer as it was read, nothing is sent and the error is ErrMoved. To send the
// same replay twice does no harm: the record of the user knows its number.
func (b *Bus) Replay(ctx context.Context, d DeadLetter) error {
	now, err := b.last(ctx, d.subject())
	switch {
	case errors.Is(err, ErrNoDeadLetter) || (err == nil && now.at != d.at):
		return ErrMoved
	case err != nil:
		return err
	}
	if d.Omitted > 0 {
		return errNoPayload
	}
	subject, header := d.AsReplay()
	if _, err := b.put(ctx, &nats.Msg{Subject: subject, Header: header, Data: d.Payload}); err != nil {
		return err
	}
	return b.mark(ctx, d)
}

// mark notes in a dead letter that its replay was sent. Where the replay has
// ended by now, it leaves what came of it.
func (b *Bus) mark(ctx context.Context, d DeadLetter) error {
	d.Replaying, d.ReplayedAt = d.Replay+1, time.Now().UTC()
	m, err := b.letter(d)
	if err != nil {
		return err
	}
	_, err = b.put(ctx, m, jetstream.WithExpectLastSequencePerSubject(d.at))
	switch {
	case moved(err):
		return nil
	case err != nil:
		return fmt.Errorf("sent back, but not marked: %w", err)
	}
	return nil
}

// moved tells whether the server refused to store a message because another one
// has taken the place of what it was to replace.
func moved(err error) bool {
	api := (*jetstream.APIError)(nil)
	return errors.As(err, &api) &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// Settle removes the dead letter of an effect that has ended well as the replay of this
// number, or as the event itself (0). A dead letter that the same attempt stored before its
// end was known goes too; a dead letter of a later replay stays.
func (b *Bus) Settle(ctx context.Context, vendor, kind, key string, replay int) error {
	for { // once more, since it may be marked between the reading and the removal
		d, err := b.last(ctx, deadSubject(vendor, kind, key))
		switch {
		case errors.Is(err, ErrNoDeadLetter):
			return nil
		case err != nil:
			return err
		case d.Replay > replay:
			return nil
		}
		if err := b.Drop(ctx, d); err != nil {
			return err
		}
	}
}

// Replayed is what the headers of a replay say of its first message.
type Replayed struct {
	Key    string
	Epoch  int64
	Seq    uint64
	Number int
	Stored time.Time // when that message was stored; zero where it is not known
	Repair string    // the vendor's id of the account that is to be repaired; empty for most
}

// ReadReplay reads the headers of a replay. ok is false for a message that is
// not one; a message on OPEN_REPLAYS that is not one was not sent by usher.
func ReadReplay(header map[string][]string) (r Replayed, ok bool) {
	h := nats.Header(header)
	if r.Key = h.Get(headerKey); r.Key == "" {
		return r, false
	}
	number, err1 := strconv.Atoi(h.Get(headerReplay))
	epoch, err2 := strconv.ParseInt(h.Get(headerEpoch), 10, 64)
	seq, err3 := strconv.ParseUint(h.Get(headerSeq), 10, 64)
	r.Number, r.Epoch, r.Seq, r.Repair = number, epoch, seq, h.Get(headerRepair)
	r.Stored, _ = time.Parse(time.RFC3339Nano, h.Get(headerStored)) // zero where it is none
	return r, errors.Join(err1, err2, err3) == nil
}
