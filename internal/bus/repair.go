package bus

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

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
	e, err := events.FromNATS(m.Header, m.Payload)
	return Original{Event: e, Epoch: epoch, Seq: seq, Stored: m.Time, header: m.Header, payload: m.Payload}, err
}

// at reads the message at a place of the stream of events, or returns ErrGone.
func (b *Bus) at(ctx context.Context, epoch int64, seq uint64) (Stored, error) {
	stream, err := b.stream(ctx, b.layout.Events)
	if err != nil {
		return Stored{}, err
	}
	if stream.CachedInfo().Created.UnixNano() != epoch {
		return Stored{}, ErrGone
	}
	return messageAt(ctx, stream, seq, "")
}

// Repair is an event on its way to one vendor once more, since an account there is
// not as the record says.
type Repair struct {
	Original
	Vendor  string
	Account string // the vendor's id of the account, as the record had it
	Replay  int    // above all numbers that the event's effect had
}

// Repair sends an event to its vendor once more, in its first place among the
// events. To send the same repair twice does no harm: the record knows its number.
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
	return b.Replays(ctx, vendor, func(_ string, m Stored) {
		h := nats.Header(m.Header)
		if number, err := strconv.Atoi(h.Get(headerReplay)); err == nil {
			yield(h.Get(headerKey), number)
		}
	})
}
