package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// Bus is the streams of one usher.
type Bus struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	async  jetstream.JetStream // of Store
	layout Layout
	dead   deadTally
}

// New returns the bus over a connection. It makes nothing; see Ensure.
func New(nc *nats.Conn, l Layout) (*Bus, error) {
	js, err := JetStream(nc)
	if err != nil {
		return nil, err
	}
	async, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(maxUnanswered), jetstream.WithPublishAsyncTimeout(CallTimeout))
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	return &Bus{nc: nc, js: js, async: async, layout: l}, nil
}

// JetStream gives access to the streams themselves.
func (b *Bus) JetStream() jetstream.JetStream { return b.js }

// bucket opens one of the key-value buckets.
func (b *Bus) bucket(ctx context.Context, name string) (jetstream.KeyValue, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	kv, err := b.js.KeyValue(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	return kv, nil
}

// Send publishes an event on the subject of its type, and returns once the
// server has stored it. taken is false where the same event was stored within
// the duplicate window already.
func (b *Bus) Send(ctx context.Context, e events.Event) (taken bool, err error) {
	return b.publish(ctx, e.Type(), e)
}

// Publish publishes a result for a vendor, and returns once the server has stored it.
func (b *Bus) Publish(ctx context.Context, vendor string, e events.Event) error {
	_, err := b.publish(ctx, events.ResultSubject(e.Type(), vendor), e)
	return err
}

func (b *Bus) publish(ctx context.Context, subject string, e events.Event) (bool, error) {
	header, payload, err := events.ToNATS(e)
	if err != nil {
		return false, fmt.Errorf("write event: %w", err)
	}
	return b.put(ctx, &nats.Msg{Subject: subject, Header: header, Data: payload})
}

// put stores one message, and tells whether it is a new one.
func (b *Bus) put(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	ack, err := b.js.PublishMsg(ctx, m, opts...)
	if err != nil {
		return false, b.unstored(m.Subject, err)
	}
	return !ack.Duplicate, nil
}

// Counts returns how many events were published since a time: user.deleted, and all.
func (b *Bus) Counts(ctx context.Context, since time.Time) (deleted, all uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	counter := reading{consumer: jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{events.UserDeleted}, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since,
	}}.once()
	counter.InactiveThreshold = time.Second // it may be asked some times a second
	c, err := b.js.CreateConsumer(ctx, b.layout.Events, counter)
	if err != nil {
		return 0, 0, fmt.Errorf("stream %s: %w", b.layout.Events, err)
	}
	e, err := b.Extent(ctx, b.layout.Events)
	info := c.CachedInfo()
	return info.NumPending, e.Last - min(e.Last, info.Delivered.Stream), err
}

// Status is "ok" while the connection stands, else what it is doing.
func (b *Bus) Status() string {
	if s := b.nc.Status(); s != nats.CONNECTED {
		return s.String()
	}
	return "ok"
}
