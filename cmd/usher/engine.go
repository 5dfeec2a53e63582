package main

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

// engine is the workers of all vendors that are on, over one bus.
type engine struct {
	config config.Config
	log    zerolog.Logger
	bus    *bus.Bus
	seen   func(mailbox.Observation) // may be nil
	// metrics are what this process counts.
	metrics  *telemetry.Metrics
	traces   *telemetry.Traces // nil: none
	ready    func()            // told once the workers begin; may be nil
	limiters limiters          // of the vendors
	guard    *brake.Brake      // of deletions
	schemas  *schemas.Set
	cores    sync.Map // of *core.Core by vendor, once they work
	// reload reads the configuration again, secrets in files too; nil where there
	// is nothing to read again.
	reload func() (config.Config, error)
}

// run serves all vendors that are on until ctx ends, and then lets what is in
// hand come to its end.
func (e *engine) run(ctx context.Context) error {
	ports, err := e.ports()
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
	e.log.Info().Str("vendors", strings.Join(names(e.on()), ", ")).Msg("serving")
	if e.ready != nil {
		e.ready()
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return e.bus.Lost(ctx) })
	group.Go(func() error { e.count(ctx); return nil })
	group.Go(func() error { e.watch(ctx); return nil })
	if e.guard != nil {
		group.Go(func() error { e.guard.Watch(ctx, e.watchGuard); return nil })
	}
	for _, v := range e.on() {
		group.Go(func() error { return e.serve(ctx, v, ports[v.name]) })
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// compare tells how the streams and consumers differ from the configuration.
func (e *engine) compare(ctx context.Context, ports map[string]vendors.Adapter) {
	found, err := e.bus.Check(ctx, e.wanted(ports))
	if err != nil {
		e.log.Warn().Err(err).Msg("the streams cannot be compared with the configuration")
	}
	for _, d := range found {
		if !d.Missing() { // serve makes what is missing
			e.log.Warn().Msg(d.String() + "; usher nats apply makes it so")
		}
	}
}

// ports are the adapters of all vendors that are on, by name.
func (e *engine) ports() (map[string]vendors.Adapter, error) {
	ports := map[string]vendors.Adapter{}
	for _, v := range e.on() {
		port, err := e.adapter(v)
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", v.name, err)}
		}
		ports[v.name] = port
	}
	return ports, nil
}

// on is the vendors that are on: those that this process acts for.
func (e *engine) on() []vendor {
	if !e.config.Worker.On {
		return nil
	}
	names := e.config.On()
	return slices.DeleteFunc(vendorList(&e.config), func(v vendor) bool { return !slices.Contains(names, v.name) })
}

// names are those of the vendors.
func names(list []vendor) (out []string) {
	for _, v := range list {
		out = append(out, v.name)
	}
	return out
}

// insist repeats a step that NATS fails until it is done. An error that only another
// configuration mends is returned.
func (e *engine) insist(ctx context.Context, step func() error) error {
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
		e.log.Warn().Err(err).Dur("wait", wait).Msg("NATS is not ready, trying again")
	})
}

// prepare makes the streams and buckets, and moves over what a former version has left. A
// process that only takes events in needs the streams of the bus alone.
func (e *engine) prepare(ctx context.Context) error {
	if e.config.Worker.On {
		if err := e.upgrade(ctx); err != nil {
			return bus.Explained(err)
		}
	}
	if err := e.bus.Ensure(ctx); err != nil || !e.config.Worker.On {
		return err
	}
	if err := streams.Ensure(ctx, e.bus.JetStream(), streams.Names{}, e.config.NATS.Replicas); err != nil {
		return bus.Explained(err)
	}
	guard, err := e.brake(ctx)
	e.guard = guard
	return err
}

// upgrade moves over what a former version has left.
func (e *engine) upgrade(ctx context.Context) error {
	l := layout(e.config.NATS)
	return upgrade.Run(ctx, e.bus.JetStream(), upgrade.Config{
		Vendors: names(vendorList(&e.config)), Events: l.Events, Replays: l.Replays(), Replicas: l.Replicas,
		HoldFresh: 3 * e.config.Worker.HoldRetry,
	})
}

// hold writes the state of a vendor down for usher status, after one another.
func (e *engine) hold(ctx context.Context, vendor string) func(why error) {
	var mu sync.Mutex
	var since time.Time
	return func(why error) {
		mu.Lock()
		defer mu.Unlock()
		limit, cancel := context.WithTimeout(ctx, bus.CallTimeout)
		defer cancel()
		if why == nil {
			since = time.Time{}
			e.trouble(vendor, e.bus.Release(limit, vendor))
			return
		}
		now := time.Now().UTC()
		if since.IsZero() {
			since = now
		}
		e.trouble(vendor, e.bus.Hold(limit, vendor, bus.Hold{Since: since, At: now, Why: why.Error()}))
	}
}

// trouble logs that something for usher status is not written down.
func (e *engine) trouble(vendor string, err error) {
	if err != nil {
		e.log.Warn().Err(err).Str("vendor", vendor).Msg("usher status may say otherwise for a while")
	}
}

// note counts an attempt.
func (e *engine) note(s mailbox.Observation) {
	if s.Outcome == "" {
		e.metrics.Attempt(s.Vendor, s.Type, s.Class)
	} else {
		e.metrics.Effect(s.Vendor, s.Type, s.Outcome, s.Key, s.Age)
	}
	if e.seen != nil {
		e.seen(s)
	}
}

// adapter is the vendor's, and its calls are measured and traced.
func (e *engine) adapter(v vendor) (vendors.Adapter, error) {
	v.section.Settings.SetObserver(func(ctx context.Context, s vendors.CallInfo) {
		e.metrics.Call(v.name, s.Class, s.Took, s.Rate)
		e.traces.Call(ctx, telemetry.Call{
			Vendor: v.name, Op: s.Op, Method: s.Method, Host: s.Host, Status: s.Status, Class: s.Class, Begun: s.Begun, Took: s.Took,
		})
	})
	e.limiters.pace(v)
	return v.adapter()
}

// watchGuard follows the record of the deletion guard, and logs each hold once.
func (e *engine) watchGuard(ctx context.Context, see func(value []byte)) {
	var logged time.Time
	e.bus.WatchControl(ctx, brake.Key, func(values map[string][]byte) {
		see(values[brake.Key])
		r := e.guard.Record()
		if !r.Held.IsZero() && !r.Held.Equal(logged) {
			e.log.Error().Time("since", r.Held).Str("reason", r.Why).Msg("deletions are on hold: far more than usual; see usher approve deletions --help")
			logged = r.Held
		}
	})
}

// brake returns the deletion guard.
func (e *engine) brake(ctx context.Context) (*brake.Brake, error) {
	control, err := streams.OpenRecords(ctx, streams.Client{JetStream: e.bus.JetStream()}, bus.ControlKV)
	if err != nil {
		return nil, err
	}
	const least = 100 // deletions, below which the share does not count
	d := e.config.Deletions
	b := brake.New(brake.Config{Window: d.Window, Count: uint64(d.Count), Share: d.Share, Least: least}, control, e.bus.Counts)
	return b, b.Start(ctx)
}

// trial returns how a vendor that is on hold is tried: by the cheapest call that
// shows that it takes our credentials, with the credentials as they are by then.
func (e *engine) trial(v vendor) func(context.Context) (vendors.Adapter, error) {
	return func(ctx context.Context) (vendors.Adapter, error) {
		if e.reload != nil {
			c, err := e.reload()
			if err != nil {
				return nil, fmt.Errorf("read the configuration again: %w", err)
			}
			for _, fresh := range vendorList(&c) {
				if fresh.name == v.name {
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
