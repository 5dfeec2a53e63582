package streams

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/pause"
)

// Wait returns when the lease of a vendor is free: never held, expired, released or purged.
// Expiry and release are heard within milliseconds, by the stored marker; a purge within twice
// the TTL. Another process may acquire the lease first.
func (l *Leases) Wait(ctx context.Context, vendor string) error {
	lease, err := l.newLease(vendor, "")
	if err != nil {
		return err
	}
	for {
		stored, err := l.client.last(ctx, l.stream, lease.subject)
		if err != nil {
			return fmt.Errorf("read lease of %s: %w", vendor, err)
		}
		if stored == nil || isFree(stored.Data) {
			return nil
		}
		free, err := l.watch(ctx, lease.subject, stored.Sequence+1)
		if err != nil {
			return fmt.Errorf("watch lease of %s: %w", vendor, err)
		}
		if free {
			return nil
		}
	}
}

// watch follows the lease from a sequence on, and reports whether the lease became free.
// Silence for twice the TTL, or a lost consumer, ends the watch: read the lease again then.
func (l *Leases) watch(ctx context.Context, subject string, from uint64) (free bool, err error) {
	consumer, err := l.watcher(ctx, subject, from)
	if err != nil {
		return false, err
	}
	p := &puller{consumer: consumer, messages: 1}
	defer l.forget(ctx, consumer)
	defer p.close()
	for {
		messages, err := p.take(ctx, 1, 2*l.ttl)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil {
			pause.For(ctx, reopenPause)
			return false, ctx.Err()
		}
		if len(messages) == 0 {
			return false, nil
		}
		if isFree(messages[0].Data()) {
			return true, nil
		}
	}
}

func (l *Leases) watcher(ctx context.Context, subject string, from uint64) (jetstream.Consumer, error) {
	ctx, cancel := l.client.call(ctx)
	defer cancel()
	return l.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubject: subject, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: 10 * time.Second,
	})
}

// forget deletes a consumer. After an error the server does so once the consumer is inactive.
func (l *Leases) forget(ctx context.Context, consumer jetstream.Consumer) {
	ctx, cancel := l.client.cleanup(ctx)
	defer cancel()
	_ = l.stream.DeleteConsumer(ctx, consumer.CachedInfo().Name)
}
