package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// headerRepair bears the vendor's id of the account that a replay is to repair.
const headerRepair = "Usher-Repair"

// Original is an event as it stands in the stream of events.
type Original struct {
	Event  events.Event
	Epoch  int64
	Seq    uint64
	Stored time.Time

	header  nats.Header
	payload []byte
}

// Key is the event's key.
func (o Original) Key() string { return events.Key(o.Event.Source(), o.Event.ID()) }

// Original reads the event at a place of the stream of events, or returns ErrGone.
func (b *Bus) Original(ctx context.Context, epoch int64, seq uint64) (Original, error) {
	m, err := b.at(ctx, epoch, seq)
	if err != nil {
		return Original{}, err
	}
	e, err := events.FromNATS(m.Header, m.Data)
	return Original{Event: e, Epoch: epoch, Seq: seq, Stored: m.Time, header: m.Header, payload: m.Data}, err
}

// at reads the message at a place of the stream of events, or returns ErrGone.
func (b *Bus) at(ctx context.Context, epoch int64, seq uint64) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	stream, err := b.js.Stream(ctx, b.layout.Events)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", b.layout.Events, err)
	}
	if stream.CachedInfo().Created.UnixNano() != epoch {
		return nil, ErrGone
	}
	m, err := stream.GetMsg(ctx, seq)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil, ErrGone
	case err != nil:
		return nil, fmt.Errorf("stream %s: %w", b.layout.Events, err)
	}
	return m, nil
}

// Repair is an event on its way to one vendor once more, since an account there is
// not as the ledger says.
type Repair struct {
	Original
	Vendor  string
	Account string // the vendor's id of the account, as the ledger had it
	Replay  int    // above all numbers that the event's effect had
}

// Repair sends an event to its vendor once more, in its first place among the
// events. To send the same repair twice does no harm: the ledger knows its number.
func (b *Bus) Repair(ctx context.Context, r Repair) error {
	d := DeadLetter{
		Vendor: r.Vendor, Type: r.Event.Type(), Key: r.Key(), Epoch: r.Epoch, Seq: r.Seq,
		Stored: r.Stored, Replay: r.Replay - 1, Header: r.header,
	}
	subject, header := d.AsReplay()
	header[headerRepair] = []string{r.Account}
	_, err := b.put(ctx, &nats.Msg{Subject: subject, Header: header, Data: r.payload})
	return err
}

// Replaying calls yield with the key of each event that is on its way to a vendor
// once more, and its number.
func (b *Bus) Replaying(ctx context.Context, vendor string, yield func(key string, number int)) error {
	stream, err := b.js.Stream(ctx, ReplaysStream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", ReplaysStream, err)
	}
	for seq := uint64(1); ; seq++ {
		raw, err := stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject("usher.replay."+vendor+".>"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("stream %s: %w", ReplaysStream, err)
		}
		seq = raw.Sequence
		if number, err := strconv.Atoi(raw.Header.Get(headerReplay)); err == nil {
			yield(raw.Header.Get(headerKey), number)
		}
	}
}
