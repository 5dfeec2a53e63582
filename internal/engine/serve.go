// Package engine runs the workers of the vendors and the HTTP server of usher serve, for the
// vendors and event types of a catalog.
package engine

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/natsconn"
)

// Options are the inputs of a process of usher serve.
type Options struct {
	Config  config.Config
	Catalog Catalog
	Log     zerolog.Logger
	Version string
	// Reload reads the configuration again, with the secrets in files; nil: the configuration
	// never changes.
	Reload func() (config.Config, error)
	// File is the file of the configuration, which is watched; empty: no file.
	File string
	// Hangups gets a value for each SIGHUP; nil: none.
	Hangups <-chan os.Signal
	// Observe is called after each attempt; nil: not called.
	Observe func(mailbox.Observation)
	// OpenConsole lets everybody on this machine use the console.
	OpenConsole bool
}

// Shares of worker.shutdown: requests end in half of the time, and workers in three quarters.
// The last traces get an eighth.
func requestsShare(shutdown time.Duration) time.Duration { return shutdown / 2 }
func workersShare(shutdown time.Duration) time.Duration  { return shutdown * 3 / 4 }
func tracesShare(shutdown time.Duration) time.Duration   { return shutdown / 8 }

// Run serves until ctx ends.
func Run(ctx context.Context, o Options) error {
	logSettings(o.Config, o.Log)
	s, err := NewServer(o)
	if err != nil {
		return err
	}
	defer s.traces.Close(tracesShare(o.Config.Worker.Shutdown))
	answer, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	s.reloads.state.Read = time.Now().UTC()
	group, working := errgroup.WithContext(ctx)
	answered := make(chan struct{}) // closed after the last request
	group.Go(func() error {
		defer close(answered)
		return answer(working)
	})
	group.Go(func() error { return s.work(working, answered) })
	if s.Reload != nil {
		group.Go(func() error { s.watchReloads(working, s.Hangups); return nil })
	}
	if err := unlessStopped(ctx, group.Wait()); err != nil {
		return err
	}
	o.Log.Info().Msg("stopped")
	return nil
}

// logSettings logs the warnings about the configuration, and the vendors that are off.
func logSettings(c config.Config, log zerolog.Logger) {
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

// work connects to NATS and runs the workers until ctx ends. The connection is closed after
// the last request.
func (s *Server) work(ctx context.Context, answered <-chan struct{}) error {
	c, log := s.Config, s.Log
	if c.NATS.RunsEmbedded() {
		log.Info().Str("dir", c.NATS.Embedded.Dir).Msg("starting the embedded NATS server")
	} else {
		log.Info().Str("servers", c.NATS.Servers()).Msg("connecting to NATS")
	}
	set, end, err := Connect(ctx, c.NATS, natsconn.Options{Log: log, Renew: s.renewSecrets()})
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer end()
	s.Connect(set)
	err = s.runWorkers(ctx)
	if ctx.Err() != nil {
		<-answered
	}
	return unlessStopped(ctx, err)
}

// runWorkers runs the workers until ctx ends, with each new configuration again.
func (s *Server) runWorkers(ctx context.Context) error {
	var others sync.WaitGroup
	defer others.Wait()
	ctx, end := context.WithCancel(ctx)
	defer end()
	s.reloads.mu.Lock()
	began := s.reloads.state.Read
	s.reloads.mu.Unlock()
	// Nothing reads or writes a stream before all streams are known to be Usher's.
	var once sync.Once
	checked := make(chan struct{})
	beside := func(work func(context.Context)) {
		others.Go(func() {
			select {
			case <-checked:
				work(ctx)
			case <-ctx.Done():
			}
		})
	}
	beside(s.watchRoom)
	if !s.Engine().storesOnly() {
		beside(func(ctx context.Context) { s.notifier().Run(ctx) })
	}
	if s.settings().Worker.On {
		beside(s.keepConfiguration)
	}
	if s.Reload != nil && s.settings().Worker.On {
		beside(func(ctx context.Context) {
			s.streams.Load().Control.WatchReloads(ctx, began, func(at time.Time) { s.reloadOnRequest(ctx, at) })
		})
	}
	for {
		working, stop := context.WithCancel(ctx)
		s.reloads.mu.Lock()
		e := s.Engine()
		ready := e.ready
		e.ready = func() {
			ready()
			s.publishConfiguration(ctx)
			once.Do(func() { close(checked) })
		}
		s.reloads.stop = stop
		s.reloads.mu.Unlock()
		err := e.Run(working)
		again := working.Err() != nil && ctx.Err() == nil
		stop()
		if !again {
			return err
		}
	}
}

// renewSecrets returns a function that reads the password and the token for NATS again; nil if the
// configuration never changes. After an error the former ones stay.
func (s *Server) renewSecrets() func() (password, token string) {
	if s.Reload == nil {
		return nil
	}
	last := s.Config.NATS
	return func() (string, string) {
		if c, err := s.Reload(); err == nil {
			last = c.NATS
		}
		return last.Password.Reveal(), last.Token.Reveal()
	}
}

// unlessStopped returns nil if err only says that ctx was canceled, and err otherwise.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
