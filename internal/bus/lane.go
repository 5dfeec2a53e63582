package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// pinGroup is the one priority group of a pinned consumer.
const pinGroup = "owner"

// ErrUnpinned is returned by Fetch where a pinned lane was given to another
// process: what is held of it and has not begun is to be given back.
var ErrUnpinned = errors.New("the lane was given to another process")

// LaneConfig says which messages a lane carries.
type LaneConfig struct {
	Stream        string
	Name          string   // of the durable consumer
	Subjects      []string // that it is filtered to
	Pinned        bool     // served to one process at a time
	Lag           bool     // nobody may pull from it: it shows how much waits (streams.Lag)
	AckWait       time.Duration
	MaxAckPending int
	// Made is told how many messages the stream has for the lane, where its consumer
	// was not there and was made; it may be nil.
	Made func(pending uint64)
}

// Lane is a durable pull consumer: one of the ways on which a vendor's work
// comes in.
type Lane struct {
	bus      *Bus
	config   LaneConfig
	consumer jetstream.Consumer
	epoch    int64
	pin      string // as last seen on a message of ours
	foreign  bool   // whether the client has taken what a producer wrote for it
	turn     uint64 // of the last delivery to us
}

// Lane opens a durable consumer, and makes it if it is not there: explicit ack,
// unlimited deliveries, from the stream's beginning. One that is there is used
// as it is.
func (b *Bus) Lane(ctx context.Context, c LaneConfig) (*Lane, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	stream, err := b.js.Stream(ctx, c.Stream)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", c.Stream, err)
	}
	consumer, err := stream.Consumer(ctx, c.Name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		consumer, err = stream.CreateOrUpdateConsumer(ctx, c.settings())
		if err == nil && c.Made != nil {
			c.Made(consumer.CachedInfo().NumPending)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("consumer %s of %s: %w", c.Name, c.Stream, err)
	}
	return &Lane{bus: b, config: c, consumer: consumer, epoch: stream.CachedInfo().Created.UnixNano()}, nil
}

// The limits of a lag consumer are the defaults of the server.
const (
	lagAckWait       = 30 * time.Second
	lagMaxAckPending = 1000
)

func (c LaneConfig) settings() jetstream.ConsumerConfig {
	s := jetstream.ConsumerConfig{
		Durable: c.Name, FilterSubjects: c.Subjects,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: c.AckWait,
		MaxDeliver: -1, MaxAckPending: c.MaxAckPending, DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	if c.Lag {
		s.AckWait, s.MaxAckPending, s.MaxRequestExpires = lagAckWait, lagMaxAckPending, time.Millisecond
	}
	if c.Pinned {
		s.PriorityPolicy, s.PinnedTTL = jetstream.PriorityPolicyPinned, c.AckWait
		s.PriorityGroups = []string{pinGroup}
	}
	return s
}

// Fetch asks for up to n messages and hands each to take as it comes, for as
// long as wait. It returns an error where the consumer cannot be asked: then
// the lane has to be opened again.
func (l *Lane) Fetch(n int, wait time.Duration, take func(*Message)) error {
	opts := []jetstream.FetchOpt{jetstream.FetchMaxWait(wait)}
	if l.config.Pinned {
		opts = append(opts, jetstream.FetchPriorityGroup(pinGroup))
	}
	batch, err := l.consumer.Fetch(n, opts...)
	if err != nil {
		return fmt.Errorf("fetch from %s: %w", l.config.Name, err)
	}
	for raw := range batch.Messages() {
		m, err := l.message(raw)
		if err != nil {
			return err
		}
		take(m)
	}
	switch err := batch.Error(); {
	case err == nil, errors.Is(err, nats.ErrTimeout):
		return l.afresh()
	case errors.Is(err, jetstream.ErrPinIDMismatch):
		l.pin = ""
		return ErrUnpinned
	default:
		return fmt.Errorf("fetch from %s: %w", l.config.Name, err)
	}
}

func (l *Lane) message(raw jetstream.Msg) (*Message, error) {
	meta, err := raw.Metadata()
	if err != nil {
		return nil, fmt.Errorf("message of %s: %w", l.config.Name, err)
	}
	place := l.place(meta)
	place.Turn = meta.Sequence.Consumer
	switch pins := raw.Headers()["Nats-Pin-Id"]; {
	case len(pins) == 0:
	case !l.config.Pinned:
		l.foreign = true
	default: // the server's own stands behind what the message was published with
		place.Pin, l.foreign = pins[len(pins)-1], pins[0] != pins[len(pins)-1]
	}
	if place.Turn <= l.turn { // the server has lost some of its count, or is not the same
		if err := l.stillThere(); err != nil {
			return nil, err
		}
	}
	l.turn = place.Turn
	if place.Pin != "" {
		l.pin = place.Pin
	}
	return &Message{raw: raw, nc: l.bus.nc, Place: place}, nil
}

// afresh begins anew where a message was published with a pin: the client asks with
// that one from then on, and is refused, or gets nothing until the real one has run
// out.
func (l *Lane) afresh() error {
	if !l.foreign {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), CallTimeout)
	defer cancel()
	if err := l.HandOver(ctx); err != nil {
		return err
	}
	consumer, err := l.bus.js.Consumer(ctx, l.config.Stream, l.config.Name)
	if err != nil {
		return fmt.Errorf("consumer %s: %w", l.config.Name, err)
	}
	l.consumer, l.foreign = consumer, false
	if l.pin != "" {
		l.pin = ""
		return ErrUnpinned
	}
	return nil
}

func (l *Lane) place(m *jetstream.MsgMetadata) Place {
	return Place{Stream: m.Stream, Epoch: l.epoch, Seq: m.Sequence.Stream, Delivery: m.NumDelivered, Time: m.Timestamp}
}

// stillThere returns an error where the stream was made anew since the lane was
// opened: the order of its events has to be told from that of the former ones.
func (l *Lane) stillThere() error {
	ctx, cancel := context.WithTimeout(context.Background(), CallTimeout)
	defer cancel()
	stream, err := l.bus.js.Stream(ctx, l.config.Stream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", l.config.Stream, err)
	}
	if stream.CachedInfo().Created.UnixNano() != l.epoch {
		return fmt.Errorf("stream %s was made anew", l.config.Stream)
	}
	return nil
}

// Delivered hands to take, as the stream has them, the messages of the lane
// behind the sequence after that were delivered to anyone and may not be
// acknowledged yet. It returns the sequence up to which that holds.
func (l *Lane) Delivered(ctx context.Context, after uint64, take func(*Message)) (upTo uint64, err error) {
	limit, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	info, err := l.consumer.Info(limit)
	if err != nil {
		return 0, fmt.Errorf("consumer %s: %w", l.config.Name, err)
	}
	after, upTo = max(after, info.AckFloor.Stream), info.Delivered.Stream
	for round := 0; after < upTo; round++ {
		if after, err = l.between(ctx, after, upTo, take); err != nil {
			return 0, err
		}
		// The server may count as delivered what is none of the lane's messages.
		more, err := l.more(ctx, after, upTo)
		switch {
		case err != nil:
			return 0, err
		case !more:
			return upTo, nil
		case round == readReplica:
			return 0, fmt.Errorf("read %s: a replica ends at %d, and has not heard of all up to %d", l.config.Stream, after, upTo)
		}
		select { // until the replica that was read has heard of the last ones
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(replicaTime):
		}
	}
	return upTo, nil
}

// How often a reading that a replica broke off is taken up, and after how long.
const (
	readReplica = 10
	replicaTime = 200 * time.Millisecond
)

// between hands over the messages of the lane behind after, up to upTo, and
// returns the sequence of the last of them.
func (l *Lane) between(ctx context.Context, after, upTo uint64, take func(*Message)) (last uint64, err error) {
	last = after
	r := reading{stream: l.config.Stream, consumer: jetstream.OrderedConsumerConfig{
		FilterSubjects: l.config.Subjects, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1,
	}}
	var bad error
	err = l.bus.scan(ctx, r, func(raw jetstream.Msg) bool {
		meta, err := raw.Metadata()
		if err != nil || meta.Sequence.Stream > upTo {
			bad = err
			return false
		}
		last = meta.Sequence.Stream
		take(&Message{raw: raw, nc: l.bus.nc, Place: l.place(meta)})
		return last < upTo
	})
	return last, errors.Join(err, bad)
}

// more asks the stream's leader whether it has a message of the lane behind after,
// up to upTo.
func (l *Lane) more(ctx context.Context, after, upTo uint64) (bool, error) {
	if after >= upTo {
		return false, nil
	}
	for _, subject := range l.config.Subjects {
		first, err := l.bus.first(ctx, l.config.Stream, subject, after+1)
		if err != nil {
			return false, err
		}
		if first > 0 && first <= upTo {
			return true, nil
		}
	}
	return false, nil
}

// first asks a stream's leader for the first message on a subject at or behind a
// sequence, and returns its own; 0 where there is none. (GetMsg asks any replica
// where the stream allows direct access.)
func (b *Bus) first(ctx context.Context, stream, subject string, from uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	text, err := json.Marshal(map[string]any{"seq": from, "next_by_subj": subject})
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", stream, err)
	}
	raw, err := b.nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, text)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", stream, err)
	}
	var answer struct {
		Message struct {
			Seq uint64 `json:"seq"`
		} `json:"message"`
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(raw.Data, &answer); err != nil {
		return 0, fmt.Errorf("read %s: %w", stream, err)
	}
	if answer.Error != nil && answer.Error.ErrorCode != jetstream.JSErrCodeMessageNotFound {
		return 0, fmt.Errorf("read %s: %w", stream, answer.Error)
	}
	return answer.Message.Seq, nil
}

// HandOver lets the server pin the consumer to another process at once, where
// it is pinned to this one.
func (l *Lane) HandOver(ctx context.Context) error {
	if l.pin == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	info, err := l.consumer.Info(ctx)
	if err != nil {
		return fmt.Errorf("consumer %s: %w", l.config.Name, err)
	}
	for _, group := range info.PriorityGroups {
		if group.PinnedClientID != l.pin {
			continue
		}
		stream, err := l.bus.js.Stream(ctx, l.config.Stream)
		if err != nil {
			return fmt.Errorf("stream %s: %w", l.config.Stream, err)
		}
		return stream.UnpinConsumer(ctx, l.config.Name, pinGroup)
	}
	return nil
}
