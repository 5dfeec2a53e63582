package streams

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// lookEvery is the time between two looks at a shared consumer, for its acknowledged floor.
const lookEvery = 5 * time.Second

// fetchBytes bounds the bytes of one fetch; a single message may be larger.
const fetchBytes = 4 << 20

// SharedConfig describes a durable consumer of the stream of events.
type SharedConfig struct {
	Stream        string
	Consumer      string
	Subjects      []string // filter subjects
	AckWait       time.Duration
	MaxAckPending int
	// After is the position behind which a missing consumer begins; zero: the start of the stream.
	After events.Position
	// Made is called with the number of pending events if the consumer did not exist; may be nil.
	Made func(pending uint64)
}

// Shared is a durable consumer with explicit acknowledgement. Any number of processes fetch
// from it side by side. A consumer deleted during use is made anew from the
// last known floor of the acknowledged events, not from the start of the stream. Fetch is for
// a single goroutine; Now may be called beside.
type Shared struct {
	client Client
	config SharedConfig

	consumer jetstream.Consumer // nil: to be opened
	epoch    int64              // zero: never opened
	floor    uint64             // every event up to this stream sequence is acknowledged
	reached  uint64             // the highest stream sequence delivered to anyone
	again    uint64             // the value of reached at which the consumer was made anew
	last     uint64             // consumer sequence of the last delivery
	looked   time.Time
	ahead    atomic.Int64 // time.Duration of the server's clock
}

// Delivery is an event in the hands of this process.
type Delivery struct {
	Message
	// Again says that the event may have been delivered before.
	Again bool

	raw  jetstream.Msg
	conn *nats.Conn
}

// OpenShared opens the consumer, and makes a missing consumer from the start of the stream. An
// existing consumer is used unchanged.
func OpenShared(ctx context.Context, c Client, config SharedConfig) (*Shared, error) {
	s := &Shared{client: c, config: config}
	return s, s.open(ctx)
}

// Restart lets the consumer deliver all events without an ack again, in the order of the stream,
// before any other. Events acknowledged since come again too. Call Restart if no other process
// fetches.
func (s *Shared) Restart(ctx context.Context) error {
	s.consumer = nil
	if err := s.ready(ctx); err != nil {
		return err
	}
	if s.consumer.CachedInfo().NumAckPending == 0 {
		return nil
	}
	s.again, s.last = s.reached, 0
	limit, cancel := s.client.call(ctx)
	defer cancel()
	if _, err := s.client.JetStream.ResetConsumer(limit, s.config.Stream, s.config.Consumer); err == nil {
		return nil
	}
	// A server without resets gets a new consumer, which begins behind the acknowledged events.
	err := s.client.JetStream.DeleteConsumer(ctx, s.config.Stream, s.config.Consumer)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("restart consumer %s: %w", s.config.Consumer, err)
	}
	s.consumer = nil
	return s.ready(ctx)
}

// Now returns the time of the server, as of the last look at the consumer.
func (s *Shared) Now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// Fetch asks for up to n events and passes each to take on arrival, until n events came or the
// wait is over. After an error, a further Fetch opens the consumer again.
func (s *Shared) Fetch(ctx context.Context, n int, wait time.Duration, take func(*Delivery)) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	bytes := max(fetchBytes, int(s.client.maxMessage())+64<<10) // with room for subject and headers
	batch, err := s.consumer.Fetch(n, jetstream.FetchMaxWait(wait), jetstream.FetchMaxBytes(bytes))
	if err == nil {
		for raw := range batch.Messages() {
			d, err := s.delivery(ctx, raw)
			if err != nil {
				s.consumer = nil
				return err
			}
			take(d)
		}
		err = batch.Error()
	}
	if err != nil && !errors.Is(err, nats.ErrTimeout) {
		s.consumer = nil
		return fmt.Errorf("fetch from consumer %s: %w", s.config.Consumer, err)
	}
	return nil
}

// ready opens the consumer unless it is open, and looks at it now and then.
func (s *Shared) ready(ctx context.Context) error {
	if s.consumer == nil {
		return s.open(ctx)
	}
	if time.Since(s.looked) < lookEvery {
		return nil
	}
	ctx, cancel := s.client.call(ctx)
	defer cancel()
	info, err := s.consumer.Info(ctx)
	if err != nil {
		s.consumer = nil
		return fmt.Errorf("look at consumer %s: %w", s.config.Consumer, err)
	}
	s.note(info)
	return nil
}

// open opens the consumer, and makes a missing consumer.
func (s *Shared) open(ctx context.Context) error {
	err := s.openOnce(ctx)
	if errors.Is(err, jetstream.ErrConsumerExists) { // another process was faster
		err = s.openOnce(ctx)
	}
	if err != nil {
		return fmt.Errorf("open consumer %s: %w", s.config.Consumer, err)
	}
	return nil
}

func (s *Shared) openOnce(ctx context.Context) error {
	ctx, cancel := s.client.call(ctx)
	defer cancel()
	stream, err := s.client.JetStream.Stream(ctx, s.config.Stream)
	if err != nil {
		return err
	}
	s.follow(stream.CachedInfo())
	consumer, err := stream.Consumer(ctx, s.config.Consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		consumer, err = stream.CreateConsumer(ctx, s.settings())
		if err == nil {
			s.again, s.last = s.reached, 0
			if s.config.Made != nil {
				s.config.Made(consumer.CachedInfo().NumPending)
			}
		}
	}
	if err != nil {
		return err
	}
	s.consumer = consumer
	s.note(consumer.CachedInfo())
	return nil
}

// settings returns the configuration of a consumer that goes on behind the floor.
func (s *Shared) settings() jetstream.ConsumerConfig {
	c := s.config.Settings()
	if s.floor > 0 {
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, s.floor+1
	}
	return c
}

// Settings returns the configuration of a consumer from the start of the stream.
func (c SharedConfig) Settings() jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable: c.Consumer, FilterSubjects: c.Subjects,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: c.AckWait, MaxDeliver: -1, MaxAckPending: c.MaxAckPending,
	}
}

// follow notes the epoch of the stream. A stream made anew is read from its start.
func (s *Shared) follow(info *jetstream.StreamInfo) {
	if epoch := info.Created.UnixNano(); epoch != s.epoch {
		s.epoch = epoch
		s.floor = 0
		s.reached = 0
		s.again = 0
		if s.config.After.Epoch == epoch {
			s.floor = s.config.After.Seq
		}
	}
}

// note keeps the place of the consumer and the time of the server.
func (s *Shared) note(info *jetstream.ConsumerInfo) {
	s.floor, s.reached = max(s.floor, info.AckFloor.Stream), max(s.reached, info.Delivered.Stream)
	s.looked = time.Now()
	s.ahead.Store(int64(time.Until(info.TimeStamp)))
}

// delivery returns the delivery of a message. A consumer sequence that goes back may mean that
// the stream was made anew.
func (s *Shared) delivery(ctx context.Context, raw jetstream.Msg) (*Delivery, error) {
	meta, err := raw.Metadata()
	if err != nil {
		return nil, fmt.Errorf("message of consumer %s: %w", s.config.Consumer, err)
	}
	if meta.Sequence.Consumer <= s.last {
		ctx, cancel := s.client.call(ctx)
		defer cancel()
		stream, err := s.client.JetStream.Stream(ctx, s.config.Stream)
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", s.config.Stream, err)
		}
		s.follow(stream.CachedInfo())
	}
	d := &Delivery{
		Message: Message{Subject: s.client.Names.plain(raw.Subject()), Header: raw.Headers(), Data: raw.Data(), Stored: meta.Timestamp},
		Again:   meta.NumDelivered > 1 || meta.Sequence.Stream <= s.again,
		raw:     raw, conn: s.client.JetStream.Conn(),
	}
	d.Position.Epoch, d.Position.Seq = s.epoch, meta.Sequence.Stream
	s.last, s.reached = meta.Sequence.Consumer, max(s.reached, meta.Sequence.Stream)
	return d, nil
}

// Ack ends the event for the consumer. Ack does not wait for the server: after a lost ack the
// event is delivered again.
func (d *Delivery) Ack() error { return d.raw.Ack() }

// Nak lets the event be delivered again after a delay.
func (d *Delivery) Nak(delay time.Duration) error {
	return d.raw.NakWithDelay(max(delay, time.Millisecond))
}

// Renew lets AckWait begin anew, and returns nil only if the server has confirmed.
func (d *Delivery) Renew(ctx context.Context) error {
	_, err := d.conn.RequestWithContext(ctx, d.raw.Reply(), []byte("+WPI"))
	return err
}
