package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
	"github.com/usherhq/usher/internal/telemetry"
	"github.com/usherhq/usher/internal/upgrade"
	"github.com/usherhq/usher/vendors"
)

// Engine runs the workers of all vendors that are on, over one connection.
type Engine struct {
	Config  config.Config
	Catalog Catalog
	Log     zerolog.Logger
	Streams *streams.Set
	// Observe is called after each attempt; nil: not called.
	Observe func(mailbox.Observation)
	Metrics *telemetry.Metrics
	Traces  *telemetry.Traces // nil: no traces
	// Reload reads the configuration again, with the secrets in files; nil: the configuration
	// never changes.
	Reload func() (config.Config, error)

	ready    func()               // called at the start of the workers; nil: not called
	limiters limiters             // of the vendors
	guard    *deletionguard.Guard // over all vendors
	guards   map[string]*deletionguard.Vendor
	decoder  *mailbox.Decoder
	// profileKeys encrypt the profiles of users.
	profileKeys profile.Cipher
	cores       sync.Map // of *core.Core by the name of a running vendor
	// missing is the error of a deleted stream that this process cannot make anew; nil: none.
	missing atomic.Pointer[string]
}

// SettingsError is a fault of the configuration that the engine found.
type SettingsError struct{ error }

func (e SettingsError) Unwrap() error { return e.error }

// Run serves all vendors that are on until ctx ends, and then lets the work in hand come to
// its end.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.readKeys(); err != nil {
		return err
	}
	ports, err := e.Ports()
	if err != nil {
		return err
	}
	if e.decoder, err = ops.Decoder(e.Config); err != nil {
		return SettingsError{err}
	}
	if err := e.retry(ctx, func() error { return e.prepare(ctx) }); err != nil {
		return err
	}
	if !e.storesOnly() {
		e.logDifferences(ctx, ports)
	}
	e.Log.Info().Str("vendors", strings.Join(names(e.on()), ", ")).Msg("serving")
	if e.ready != nil {
		e.ready()
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return natsconn.Lost(ctx, e.Streams.Client.JetStream.Conn()) })
	if !e.storesOnly() {
		group.Go(func() error { e.countDeadLetters(ctx); return nil })
		group.Go(func() error { e.measureVendors(ctx); return nil })
	}
	if e.Config.Worker.On {
		group.Go(func() error { e.remake(ctx); return nil })
		group.Go(func() error { return e.indexEmails(ctx) })
	}
	if e.guard != nil {
		group.Go(func() error { e.watchGuard(ctx); return nil })
	}
	for _, v := range e.on() {
		group.Go(func() error { return e.serve(ctx, v, ports[v.Name]) })
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// logDifferences logs how the streams and consumers differ from the configuration. Missing
// ones are not logged: the engine creates them.
func (e *Engine) logDifferences(ctx context.Context, ports map[string]vendors.Adapter) {
	found, err := e.admin().Check(ctx, e.Wanted(ports))
	if err != nil {
		e.Log.Warn().Err(err).Msg("the streams cannot be compared with the configuration")
	}
	for _, d := range found {
		if !d.Missing() {
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

// on returns the vendors served by this process.
func (e *Engine) on() []Vendor {
	if !e.Config.Worker.On {
		return nil
	}
	names := e.Config.On()
	return slices.DeleteFunc(e.Catalog.With(&e.Config), func(v Vendor) bool { return !slices.Contains(names, v.Name) })
}

// names returns the names of the vendors.
func names(list []Vendor) (out []string) {
	for _, v := range list {
		out = append(out, v.Name)
	}
	return out
}

// retry repeats a step until NATS carries the step out. Returns an error only if a change of
// the configuration is needed, or if ctx ends.
func (e *Engine) retry(ctx context.Context, step func() error) error {
	schedule := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(250*time.Millisecond),
		backoff.WithMaxInterval(streams.CallTimeout),
		backoff.WithMaxElapsedTime(0),
	)
	try := func() error {
		err := step()
		if admin.Permanent(err) {
			return backoff.Permanent(err)
		}
		return err
	}
	return backoff.RetryNotify(try, backoff.WithContext(schedule, ctx), func(err error, wait time.Duration) {
		e.Log.Warn().Err(err).Stringer("wait", wait).Msg("NATS is not ready, trying again")
	})
}

// storesOnly reports whether the process only stores events and failed deliveries: the NATS user
// may then read and make nothing else (docs/decisions, 0160).
func (e *Engine) storesOnly() bool {
	return !e.Config.Worker.On && !e.Config.Worker.Measure && !e.Config.Console.On()
}

// prepare upgrades the data of older versions and creates the streams and buckets. A process
// without workers does not need the streams of the workers.
func (e *Engine) prepare(ctx context.Context) error {
	if err := admin.CheckPayload(e.Streams.Client); err != nil {
		return err
	}
	if e.storesOnly() {
		return e.admin().EnsureEvents(ctx)
	}
	if err := e.admin().CheckOwners(ctx); err != nil {
		return err
	}
	if e.Config.Worker.On {
		if err := e.Upgrade(ctx); err != nil {
			return admin.Explain(err)
		}
	}
	if err := e.admin().Ensure(ctx); err != nil || !e.Config.Worker.On {
		return err
	}
	if err := admin.EnsureWorker(ctx, e.Streams.Client.JetStream, e.layout().Workers()); err != nil {
		return admin.Explain(err)
	}
	return e.startGuards(ctx)
}

// Upgrade moves the streams and consumers of an older version.
func (e *Engine) Upgrade(ctx context.Context) error {
	l := Layout(e.Config)
	if l.Names.Prefix != "" { // no older version had a prefix
		return nil
	}
	return upgrade.Run(ctx, e.Streams.Client.JetStream, upgrade.Config{
		Vendors: e.Catalog.Names(&e.Config), Events: l.Events, Replays: l.Replays(), Replicas: l.Replicas,
		HoldFresh: 3 * e.Config.Worker.HoldRetry,
	})
}

// adapter returns a new adapter of a vendor. Calls of the adapter are limited, measured and
// traced.
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

// Admin returns the management of the streams.
func (e *Engine) Admin() *admin.Admin { return admin.New(e.Streams.Client, e.layout()) }

// admin returns the management of the streams of this process. A process without the console needs
// no AUDIT in another account.
func (e *Engine) admin() *admin.Admin {
	l := e.layout()
	l.WithoutAudit = !e.readsAudit()
	return admin.New(e.Streams.Client, l)
}

// readsAudit reports whether the user of the process on NATS may read AUDIT.
func (e *Engine) readsAudit() bool {
	return e.Config.NATS.AuditAPIPrefix == "" || e.Config.Console.On()
}
