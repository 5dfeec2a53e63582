// Package engine is what usher serve runs: the workers of the vendors, and the HTTP server.
package engine

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/mailbox"
)

// Options is what a process of usher serve needs.
type Options struct {
	Config  config.Config
	Catalog Catalog
	Log     zerolog.Logger
	Version string
	// Reload reads the configuration again, with the secrets in files; nil: it never changes.
	Reload func() (config.Config, error)
	// Observe is called after each attempt; may be nil.
	Observe func(mailbox.Observation)
	// OpenConsole lets everybody on this machine use the console.
	OpenConsole bool
}

// Run serves until ctx ends.
func Run(ctx context.Context, o Options) error {
	introduce(o.Config, o.Log)
	s, err := NewServer(o)
	if err != nil {
		return err
	}
	defer s.traces.Close(o.Config.Worker.Shutdown / 8)
	listen, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	group, working := errgroup.WithContext(ctx)
	answered := make(chan struct{}) // when no request is in hand any more
	group.Go(func() error {
		defer close(answered)
		return listen(working)
	})
	group.Go(func() error { return s.work(working, answered) })
	if err := unlessStopped(ctx, group.Wait()); err != nil {
		return err
	}
	o.Log.Info().Msg("stopped")
	return nil
}

// introduce says what is set in a way that may not be meant, and which vendors are off.
func introduce(c config.Config, log zerolog.Logger) {
	for _, warning := range c.Warnings() {
		log.Warn().Msg(warning)
	}
	if !c.Worker.On {
		log.Info().Msg("this process only takes events in: worker.on is false")
		return
	}
	off := c.Off()
	for _, name := range slices.Sorted(maps.Keys(off)) {
		log.Info().Str("vendor", name).Str("to_turn_on", off[name]).Msg("vendor is off")
	}
}

// work connects to NATS and serves the vendors until ctx ends. It leaves NATS
// when all requests are answered.
func (s *Server) work(ctx context.Context, answered <-chan struct{}) error {
	c, log := s.Config, s.Log
	if c.NATS.RunsEmbedded() {
		log.Info().Str("dir", c.NATS.Embedded.Dir).Msg("starting the embedded NATS server")
	} else {
		log.Info().Str("servers", c.NATS.Servers()).Msg("connecting to NATS")
	}
	b, end, err := Connect(ctx, c.NATS, bus.Options{Log: log})
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer end()
	s.Connect(b)
	err = s.Engine().Run(ctx)
	if ctx.Err() != nil {
		<-answered
	}
	return unlessStopped(ctx, err)
}

// unlessStopped is err, and nil where it is only that we were told to stop.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
