package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// LastBefore returns the position of the last event stored before a time, or a position before
// the first event.
func (e *Events) LastBefore(ctx context.Context, at time.Time) (events.Position, error) {
	limited, cancel := e.client.call(ctx)
	defer cancel()
	consumer, err := e.client.JetStream.CreateConsumer(limited, e.name, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &at,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Second,
	})
	if err != nil {
		return events.Position{}, fmt.Errorf("stream %s: %w", e.name, err)
	}
	extent, err := e.client.Extent(ctx, e.name)
	return events.Position{Epoch: extent.Epoch, Seq: consumer.CachedInfo().Delivered.Stream}, err
}

// Begin commits the position behind which a new vendor begins, and returns the position. At the
// first start ever the position is that of first; later starts find the stored one, whatever the
// process. A vendor that was served without Begin has no such position: Begin returns the zero
// Position.
func (o *Ownership) Begin(ctx context.Context, first func() (events.Position, error)) (events.Position, error) {
	p, found, err := o.start(ctx)
	if err != nil {
		return p, err
	}
	if !found {
		if served, err := o.served(ctx); served || err != nil {
			return events.Position{}, err
		}
		if p, err = first(); err != nil {
			return p, err
		}
		value, err := json.Marshal(p)
		if err != nil {
			return p, err
		}
		_, err = o.records.Store(ctx, o.key("start"), value, 0)
		if errors.Is(err, ErrStaleRevision) { // another process was faster
			p, _, err = o.start(ctx)
		}
		if err != nil {
			return p, err
		}
	}
	return p, o.Commit(ctx, p)
}

// start returns the stored position of Begin, and whether there is one.
func (o *Ownership) start(ctx context.Context) (p events.Position, found bool, err error) {
	value, revision, err := o.records.Load(ctx, o.key("start"))
	if err == nil && revision > 0 {
		found, err = true, json.Unmarshal(value, &p)
	}
	return p, found, err
}

// served reports whether a process has owned the vendor.
func (o *Ownership) served(ctx context.Context) (bool, error) {
	_, revision, err := o.records.Load(ctx, o.key("token"))
	if err != nil || revision > 0 {
		return revision > 0, err
	}
	p, err := o.Position(ctx)
	return p != events.Position{}, err
}
