package main

import (
	"context"
	"errors"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/natsconn"
)

type serveCmd struct{}

// collectAt is how far the memory in use may grow, in percent, until garbage is
// collected. Go's own default of 100 costs a tenth more processor time, and a worker
// has few megabytes in use. GOGC and GOMEMLIMIT say otherwise where they are set.
const collectAt = 200

// Help is shown below the flags.
func (serveCmd) Help() string {
	return `A vendor is on when its credentials are there; the others are said once at start. Without
USHER_NATS_URL a NATS server runs in the process and keeps its data in data/nats.
SIGTERM finishes what is in hand and exits within 15 seconds.
USHER_WORKER_ON=false makes a process that only takes events in, over HTTP, and needs no vendor;
USHER_HTTP_EVENTS=false one that takes none, and shows only how it is.

Examples:
  USHER_MIESTRO_API_KEY=… USHER_MIESTRO_API_SECRET=… usher serve
  USHER_NATS_URL=nats://nats:4222 usher --config usher.yaml serve
  USHER_NATS_URL=nats://nats:4222 USHER_WORKER_ON=false usher serve`
}

// Run serves until ctx ends.
func (serveCmd) Run(ctx context.Context, a *app) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	if err := c.RequireVendor(); err != nil {
		return usageError{err}
	}
	log := a.logger(c.Log)
	if a.getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	introduce(c, log)
	traces, err := newTraces(c.Traces, log)
	if err != nil {
		return err
	}
	defer traces.Close(c.Worker.Shutdown / 8)
	f := newFront(c, log)
	f.traces = traces
	listen, err := f.listen(ctx)
	if err != nil {
		return err
	}
	group, working := errgroup.WithContext(ctx)
	answered := make(chan struct{}) // when no request is in hand any more
	group.Go(func() error {
		defer close(answered)
		return listen(working)
	})
	group.Go(func() error { return f.work(working, a.config, answered) })
	if err := unlessStopped(ctx, group.Wait()); err != nil {
		return err
	}
	log.Info().Msg("stopped")
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
func (f *front) work(ctx context.Context, reload func() (config.Config, error), answered <-chan struct{}) error {
	c, log := f.config, f.log
	if c.NATS.RunsEmbedded() {
		log.Info().Str("dir", c.NATS.Embedded.Dir).Msg("starting the embedded NATS server")
	} else {
		log.Info().Str("servers", c.NATS.Servers()).Msg("connecting to NATS")
	}
	set, end, err := connect(ctx, c.NATS, natsconn.Options{Log: log})
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer end()
	f.streams.Store(set)
	e := &engine{config: c, log: log, streams: set, reload: reload, metrics: f.metrics, traces: f.traces}
	e.ready = func() { f.serving.Store(e) }
	err = e.run(ctx)
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
