package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/brake"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/telemetry"
	"github.com/usherhq/usher/internal/upgrade"
	"github.com/usherhq/usher/schemas"
	"github.com/usherhq/usher/vendors"
)

// Engine is the workers of all vendors that are on, over one bus.
type Engine struct {
	Config  config.Config
	Catalog Catalog
	Log     zerolog.Logger
	Bus     *bus.Bus
	// Observe is called after each attempt; may be nil.
	Observe func(mailbox.Observation)
	Metrics *telemetry.Metrics
	Traces  *telemetry.Traces // nil: no traces
	// Reload reads the configuration again, with the secrets in files; nil: it never changes.
	Reload func() (config.Config, error)

	ready    func()       // called once the workers run; may be nil
	limiters limiters     // of the vendors
	guard    *brake.Brake // of deletions
	schemas  *schemas.Set
	cores    sync.Map // of *core.Core by vendor, once they work
}

// SettingsError is a fault of the configuration that the engine found.
type SettingsError struct{ error }

func (e SettingsError) Unwrap() error { return e.error }

// Run serves all vendors that are on until ctx ends, and then lets what is in
// hand come to its end.
func (e *Engine) Run(ctx context.Context) error {
	ports, err := e.Ports()
	if err != nil {
		return err
	}
	if e.schemas, err = schemas.New(); err != nil {
		return err
	}
	if err := e.insist(ctx, func() error { return e.prepare(ctx) }); err != nil {
		return err
	}
	e.compare(ctx, ports)
	e.Log.Info().Str("vendors", strings.Join(names(e.on()), ", ")).Msg("serving")
	if e.ready != nil {
		e.ready()
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return e.Bus.Lost(ctx) })
	group.Go(func() error { e.count(ctx); return nil })
	group.Go(func() error { e.watch(ctx); return nil })
	if e.guard != nil {
		group.Go(func() error { e.guard.Watch(ctx, e.watchGuard); return nil })
	}
	for _, v := range e.on() {
		group.Go(func() error { return e.serve(ctx, v, ports[v.Name]) })
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// compare tells how the streams and consumers differ from the configuration.
func (e *Engine) compare(ctx context.Context, ports map[string]vendors.Adapter) {
	found, err := e.Bus.Check(ctx, e.Wanted(ports))
	if err != nil {
		e.Log.Warn().Err(err).Msg("the streams cannot be compared with the configuration")
	}
	for _, d := range found {
		if !d.Missing() { // serve makes what is missing
			e.Log.Warn().Msg(d.String() + "; usher nats apply makes it so")
		}
	}
}

// Ports returns the adapters of all vendors that are on, by name.
func (e *Engine) Ports() (map[string]vendors.Adapter, error) {
	ports := map[string]vendors.Adapter{}
	for _, v := range e.on() {
		port, err := e.adapter(v)
		if err != nil {
			return nil, SettingsError{fmt.Errorf("%s: %w", v.Name, err)}
		}
		ports[v.Name] = port
	}
	return ports, nil
}

// on is the vendors that are on: those that this process acts for.
func (e *Engine) on() []Vendor {
	if !e.Config.Worker.On {
		return nil
	}
	names := e.Config.On()
	return slices.DeleteFunc(e.Catalog.With(&e.Config), func(v Vendor) bool { return !slices.Contains(names, v.Name) })
}

// names are those of the vendors.
func names(list []Vendor) (out []string) {
	for _, v := range list {
		out = append(out, v.Name)
	}
	return out
}

// insist repeats a step that NATS fails until it is done. An error that only another
// configuration mends is returned.
func (e *Engine) insist(ctx context.Context, step func() error) error {
	schedule := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(250*time.Millisecond),
		backoff.WithMaxInterval(bus.CallTimeout),
		backoff.WithMaxElapsedTime(0),
	)
	try := func() error {
		err := step()
		if bus.Lasting(err) {
			return backoff.Permanent(err)
		}
		return err
	}
	return backoff.RetryNotify(try, backoff.WithContext(schedule, ctx), func(err error, wait time.Duration) {
		e.Log.Warn().Err(err).Dur("wait", wait).Msg("NATS is not ready, trying again")
	})
}

// prepare makes the streams and buckets, and moves over what a former version has left. A
// process that only takes events in needs the streams of the bus alone.
func (e *Engine) prepare(ctx context.Context) error {
	if e.Config.Worker.On {
		if err := e.Upgrade(ctx); err != nil {
			return bus.Explained(err)
		}
	}
	if err := e.Bus.Ensure(ctx); err != nil || !e.Config.Worker.On {
		return err
	}
	if err := streams.Ensure(ctx, e.Bus.JetStream(), streams.Names{}, e.Config.NATS.Replicas); err != nil {
		return bus.Explained(err)
	}
	guard, err := e.brake(ctx)
	e.guard = guard
	return err
}

// Upgrade moves over what a former version has left.
func (e *Engine) Upgrade(ctx context.Context) error {
	l := Layout(e.Config.NATS)
	return upgrade.Run(ctx, e.Bus.JetStream(), upgrade.Config{
		Vendors: names(e.Catalog.With(&e.Config)), Events: l.Events, Replays: l.Replays(), Replicas: l.Replicas,
		HoldFresh: 3 * e.Config.Worker.HoldRetry,
	})
}

// hold writes the state of a vendor down for usher status, after one another.
func (e *Engine) hold(ctx context.Context, vendor string) func(why error) {
	var mu sync.Mutex
	var since time.Time
	return func(why error) {
		mu.Lock()
		defer mu.Unlock()
		limit, cancel := context.WithTimeout(ctx, bus.CallTimeout)
		defer cancel()
		if why == nil {
			since = time.Time{}
			e.trouble(vendor, e.Bus.Release(limit, vendor))
			return
		}
		now := time.Now().UTC()
		if since.IsZero() {
			since = now
		}
		e.trouble(vendor, e.Bus.Hold(limit, vendor, bus.Hold{Since: since, At: now, Why: why.Error()}))
	}
}

// trouble logs that something for usher status is not written down.
func (e *Engine) trouble(vendor string, err error) {
	if err != nil {
		e.Log.Warn().Err(err).Str("vendor", vendor).Msg("usher status may say otherwise for a while")
	}
}

// note counts an attempt.
func (e *Engine) note(s mailbox.Observation) {
	if s.Outcome == "" {
		e.Metrics.Attempt(s.Vendor, s.Type, s.Class)
	} else {
		e.Metrics.Effect(s.Vendor, s.Type, s.Outcome, s.Key, s.Age)
	}
	if e.Observe != nil {
		e.Observe(s)
	}
}

// adapter is the vendor's, and its calls are measured and traced.
func (e *Engine) adapter(v Vendor) (vendors.Adapter, error) {
	v.section.Settings.SetObserver(func(ctx context.Context, s vendors.CallInfo) {
		e.Metrics.Call(v.Name, s.Class, s.Took, s.Rate)
		e.Traces.Call(ctx, telemetry.Call{
			Vendor: v.Name, Op: s.Op, Method: s.Method, Host: s.Host, Status: s.Status, Class: s.Class, Begun: s.Begun, Took: s.Took,
		})
	})
	e.limiters.pace(v)
	return v.Adapter()
}

// watchGuard follows the record of the deletion guard, and logs each hold once.
func (e *Engine) watchGuard(ctx context.Context, see func(value []byte)) {
	var logged time.Time
	e.Bus.WatchControl(ctx, brake.Key, func(values map[string][]byte) {
		see(values[brake.Key])
		r := e.guard.Record()
		if !r.Held.IsZero() && !r.Held.Equal(logged) {
			e.Log.Error().Time("since", r.Held).Str("reason", r.Why).Msg("deletions are on hold: far more than usual; see usher approve deletions --help")
			logged = r.Held
		}
	})
}

// brake returns the deletion guard.
func (e *Engine) brake(ctx context.Context) (*brake.Brake, error) {
	control, err := streams.OpenRecords(ctx, streams.Client{JetStream: e.Bus.JetStream()}, bus.ControlKV)
	if err != nil {
		return nil, err
	}
	const least = 100 // deletions, below which the share does not count
	d := e.Config.Deletions
	b := brake.New(brake.Config{Window: d.Window, Count: uint64(d.Count), Share: d.Share, Least: least}, control, e.Bus.Counts)
	return b, b.Start(ctx)
}

// trial returns how a vendor that is on hold is tried: by the cheapest call that
// shows that it takes our credentials, with the credentials as they are by then.
func (e *Engine) trial(v Vendor) func(context.Context) (vendors.Adapter, error) {
	return func(ctx context.Context) (vendors.Adapter, error) {
		if e.Reload != nil {
			c, err := e.Reload()
			if err != nil {
				return nil, fmt.Errorf("read the configuration again: %w", err)
			}
			for _, fresh := range e.Catalog.With(&c) {
				if fresh.Name == v.Name {
					v = fresh
				}
			}
		}
		port, err := e.adapter(v)
		if err != nil {
			return nil, err
		}
		return port, port.Check(ctx)
	}
}
