package engine

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/streams/admin"
)

// indexEmails writes the index of e-mails until ctx ends, and logs a failure at most once a minute.
func (e *Engine) indexEmails(ctx context.Context) error {
	log := e.Log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Minute})
	return e.Catalog.Service(e.Streams, e.Config).IndexEmails(ctx, func(err error) {
		log.Warn().Err(err).Msg("the index of e-mails cannot be written, trying again")
	})
}

// emailConsumer returns the consumer behind the index of e-mails.
func (e *Engine) emailConsumer() admin.ConsumerConfig {
	c := e.Catalog.Service(e.Streams, e.Config).EmailConsumer()
	return admin.ConsumerConfig{Stream: c.Stream, ConsumerConfig: c.Settings()}
}
