package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/pause"
	"github.com/usherhq/usher/internal/streams"
)

// fileInterval is the time between two looks at the file of the configuration. A changed file is read
// once the text is the same at two looks.
const fileInterval = 2 * time.Second

// reloads is the state of the configuration of a server.
type reloads struct {
	mu    sync.Mutex // one reload at a time
	state streams.Configuration
	stop  context.CancelFunc // ends the workers for a restart with new settings; nil: no workers
}

// settings returns the configuration in use.
func (s *Server) settings() config.Config {
	if c := s.current.Load(); c != nil {
		return *c
	}
	return s.Config
}

// reload reads the configuration again. Without faults, all settings a running process can change
// are in use at once: the HTTP endpoint changes between two requests, and the workers finish the work
// in hand and begin again, so that an effect runs with one configuration. With a fault nothing
// changes.
func (s *Server) reload(ctx context.Context, why string) {
	s.reloads.mu.Lock()
	defer s.reloads.mu.Unlock()
	log := s.Log.With().Str("because", why).Logger()
	now := time.Now().UTC()
	next, err := s.Reload()
	if err == nil {
		err = s.use(next)
	}
	state := &s.reloads.state
	if err != nil {
		state.Faults, state.Tried = faultTexts(err), &now
		log.Error().Strs("faults", state.Faults).Msg("the new configuration has faults, and the old one stays in use; see usher config check")
	} else {
		state.Read, state.Faults, state.Tried = now, nil, nil
	}
	s.storeConfiguration(ctx)
}

// use takes a configuration into use, unless it has faults.
func (s *Server) use(next config.Config) error {
	old := s.settings()
	changed := old.Changes(next)
	restart := config.NeedRestart(changed)
	next = old.Reloaded(next)
	if err := s.check(next); err != nil {
		return err
	}
	pages, err := s.newSite(next)
	if err != nil {
		return err
	}
	s.current.Store(&next)
	s.swapSite(pages)
	s.service.Store(nil)
	s.reloads.state.Restart = restart
	workers := config.NeedWorkers(changed)
	s.Log.Info().Strs("changed", changed).Bool("workers", len(workers) > 0).Msg("the configuration was read again")
	if len(restart) > 0 {
		s.Log.Warn().Strs("settings", restart).Msg("these settings are changed by a restart only")
	}
	if len(workers) > 0 && s.reloads.stop != nil {
		s.reloads.stop()
	}
	return nil
}

// check returns the faults of a configuration that only the engine finds.
func (s *Server) check(c config.Config) error {
	if c.Worker.On {
		if err := c.RequireVendor(); err != nil {
			return err
		}
	}
	var faults []error
	for _, fault := range CheckSenders(c) {
		faults = append(faults, fault)
	}
	if _, err := ops.Decoder(c); err != nil {
		faults = append(faults, err)
	}
	for _, v := range (&Engine{Config: c, Catalog: s.Catalog}).on() {
		if _, err := v.Adapter(); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", v.Name, err))
		}
	}
	return errors.Join(faults...)
}

// faultTexts returns all faults of an error as texts.
func faultTexts(err error) (texts []string) {
	for _, fault := range config.Faults(err) {
		texts = append(texts, fault.Error())
	}
	if len(texts) == 0 {
		texts = strings.Split(err.Error(), "\n")
	}
	return texts
}

// publishConfiguration stores the state of the configuration at the start of the workers.
func (s *Server) publishConfiguration(ctx context.Context) {
	s.reloads.mu.Lock()
	defer s.reloads.mu.Unlock()
	s.storeConfiguration(ctx)
}

// storeConfiguration stores the state of the configuration, for usher status.
func (s *Server) storeConfiguration(ctx context.Context) {
	set := s.streams.Load()
	if set == nil || !s.settings().Worker.On {
		return
	}
	state := &s.reloads.state
	if state.ID == "" {
		state.ID = rand.Text()
	}
	if host, err := os.Hostname(); err == nil {
		state.Process = host
	}
	ctx, cancel := context.WithTimeout(ctx, streams.CallTimeout)
	defer cancel()
	if err := set.Configurations.Set(ctx, *state); err != nil && ctx.Err() == nil {
		s.Log.Warn().Err(err).Msg("the state of the configuration was not stored: usher status may say otherwise")
	}
}

// keepConfiguration stores the state of the configuration again until ctx ends, and then removes it.
func (s *Server) keepConfiguration(ctx context.Context) {
	for pause.For(ctx, streams.ConfigurationInterval); ctx.Err() == nil; pause.For(ctx, streams.ConfigurationInterval) {
		s.publishConfiguration(ctx)
	}
	s.reloads.mu.Lock()
	defer s.reloads.mu.Unlock()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if id := s.reloads.state.ID; id != "" {
		_ = s.streams.Load().Configurations.Remove(last, id) // the server removes it a little later
	}
}

// reloadOnRequest carries out a request of usher config reload.
func (s *Server) reloadOnRequest(ctx context.Context, at time.Time) {
	s.reloads.mu.Lock()
	s.reloads.state.Request = at
	s.reloads.mu.Unlock()
	s.reload(ctx, "usher config reload")
}

// watchReloads reloads after SIGHUP, a change of the file, and usher config reload, until ctx ends.
func (s *Server) watchReloads(ctx context.Context, hangups <-chan os.Signal) {
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { s.watchFile(ctx) })
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			s.reload(ctx, "SIGHUP")
		}
	}
}

// watchFile reloads after each change of the file of the configuration, or of a file named there.
func (s *Server) watchFile(ctx context.Context) {
	if s.File == "" {
		return
	}
	used, _ := s.files()
	last := used
	for pause.For(ctx, fileInterval); ctx.Err() == nil; pause.For(ctx, fileInterval) {
		texts, err := s.files()
		if err != nil { // in the middle of a replacement, or gone: the configuration stays
			continue
		}
		if !slices.Equal(texts, used) && slices.Equal(texts, last) {
			used = texts
			s.reload(ctx, "the file has changed") // a configuration with other files is read once more
		}
		last = texts
	}
}

// files returns the texts of the file of the configuration and of the files named there.
func (s *Server) files() (texts []string, err error) {
	for _, path := range append([]string{s.File}, s.settings().Files()...) {
		text, err := bounded.ReadFile(path, bounded.SettingsFile)
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}
