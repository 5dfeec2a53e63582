package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/core"
	"github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
	"github.com/usherhq/usher/internal/telemetry"
	"github.com/usherhq/usher/vendors"
)

// limiters holds one limiter for all adapters of a vendor.
type limiters struct {
	mu   sync.Mutex
	list map[string]*core.Limiter // by vendor
}

// of returns the limiter of a vendor.
func (l *limiters) of(v Vendor) *core.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.list == nil {
		l.list = map[string]*core.Limiter{}
	}
	if l.list[v.Name] == nil {
		l.list[v.Name] = core.NewLimiter(v.Settings().Rate)
	}
	return l.list[v.Name]
}

// pace lets the calls of a vendor wait for the limiter of the vendor.
func (l *limiters) pace(v Vendor) { v.section.Settings.SetLimiter(l.of(v)) }

// serve carries out the activity events of a vendor until ctx ends, and the lifecycle events
// while this process owns the vendor.
func (e *Engine) serve(ctx context.Context, v Vendor, port vendors.Adapter) error {
	var x *core.Core
	err := e.retry(ctx, func() (err error) {
		x, err = e.open(ctx, v, port)
		return admin.Explain(err)
	})
	if err != nil {
		return err
	}
	e.cores.Store(v.Name, x)
	end := e.Metrics.Vendor(v.Name, func() telemetry.VendorStats {
		s := x.Stats()
		return telemetry.VendorStats{Owner: s.Owner, OnHold: s.OnHold, Unknown: telemetry.Waits(s.Unknown), Retries: telemetry.Waits(s.Retries)}
	})
	defer end()
	x.Run(ctx)
	return nil
}

// failing returns the vendors with a step failed by NATS at present.
func (e *Engine) failing() (names []string) {
	e.cores.Range(func(name, x any) bool {
		if _, failing := x.(*core.Core).Failures(); failing {
			names = append(names, name.(string))
		}
		return true
	})
	slices.Sort(names)
	return names
}

// open opens the core of a vendor.
func (e *Engine) open(ctx context.Context, v Vendor, port vendors.Adapter) (*core.Core, error) {
	list := e.Catalog.Handlers(handlers.Courses(e.Config.Courses), e.Catalog.Names(&e.Config))
	lifecycle, activity := subjects(port, list)
	client := e.Streams.Client
	for _, counter := range e.counters(v.Name, lifecycle) {
		if err := streams.EnsureCounter(ctx, client, counter); err != nil {
			return nil, err
		}
	}
	team, profiles, err := e.rules(ctx, v)
	if err != nil {
		return nil, err
	}
	return core.Open(ctx, e.coreConfig(v, lifecycle, activity), core.Deps{
		Rules: team, Profiles: profiles,
		JetStream: client.JetStream, Names: client.Names, Port: port, Limiter: e.limiters.of(v), Results: e.Streams.Results,
		History: history.New(client, streams.HistoryStream), DeadLetters: e.Streams.DeadLetters, Guard: e.guards[v.Name], Decoder: e.decoder, Handlers: list,
		Check: e.check(v), Log: e.Log, Tracer: e.Traces.Tracer(), OnHold: e.storeHolds(ctx, v.Name), WatchPauses: e.Streams.Control.WatchPauses, WatchChecks: e.Streams.Control.WatchChecks,
		Observe: e.observe,
		Failed:  func(string) { e.Metrics.StepFailed(v.Name) },
		Removed: func(n uint64) { e.Metrics.Removed(v.Name, n) },
	})
}

// coreConfig returns the settings of a vendor for its core.
func (e *Engine) coreConfig(v Vendor, lifecycle, activity []string) core.Config {
	c, s := e.Config.Worker, v.Settings()
	return core.Config{
		Vendor: v.Name, Stream: eventsStream(e.Config.NATS), Replays: streams.ReplaysStream, Subjects: lifecycle, Bucket: streams.AccountsBucket, Effects: streams.EffectsBucket, Segments: streams.ActivityBucket,
		Activity: core.Activity{
			Subjects: activity, AckWait: c.AckWait, MaxAckPending: c.MaxAckPending,
			Ordered: e.Config.Activity.Order == config.OrderUser, Memory: e.Config.Activity.Memory,
		},
		Concurrency: s.Concurrency,
		Shutdown:    workersShare(c.Shutdown), HoldRetry: c.HoldRetry, Rate: s.Rate, Start: startOf(v.Rules().Start),
		Mailbox: mailbox.Config{
			RecordBytes: core.RecordBytes(e.Streams.Client.JetStream.Conn().MaxPayload()),
			Source:      e.Config.Source, CallTimeout: s.Timeout, CallLease: c.CallLease, MaxAge: s.MaxAge,
			PrerequisiteWait: c.PrerequisiteWait, RetryMin: c.RetryMin, RetryMax: c.RetryMax, HoldRetry: c.HoldRetry,
			ByTime: e.Config.Order.ByTime(), SealKeys: e.Config.NATS.EventsKeys.Bytes(),
			Rules: v.team(),
		},
	}
}

// startOf returns the start of a vendor. The configuration has checked the time.
func startOf(s config.Start) core.Start {
	at, err := s.Time()
	if err != nil {
		at = time.Time{}
	}
	return core.Start{Now: s == config.StartNow, At: at}
}

// check returns a function for a vendor on hold. The function reads the credentials again,
// checks them by the cheapest call, and returns an adapter with the new credentials.
func (e *Engine) check(v Vendor) func(context.Context) (vendors.Adapter, error) {
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
		return port, v.Check(ctx, port)
	}
}

// storeHolds returns a function to store the hold of a vendor for usher status, and to remove
// the hold if why is nil.
func (e *Engine) storeHolds(ctx context.Context, vendor string) func(why error, credentials bool, next time.Time) {
	var mu sync.Mutex
	var since time.Time
	return func(why error, credentials bool, next time.Time) {
		mu.Lock()
		defer mu.Unlock()
		limit, cancel := context.WithTimeout(ctx, streams.CallTimeout)
		defer cancel()
		if why == nil {
			since = time.Time{}
			e.logNotStored(vendor, e.Streams.Control.ClearHold(limit, vendor))
			return
		}
		now := time.Now().UTC()
		if since.IsZero() {
			since = now
		}
		e.logNotStored(vendor, e.Streams.Control.SetHold(limit, vendor, streams.Hold{Since: since, At: now, Next: next.UTC(), Why: why.Error(), Credentials: credentials}))
	}
}

// logNotStored logs the failure to store the hold of a vendor.
func (e *Engine) logNotStored(vendor string, err error) {
	if err != nil {
		e.Log.Warn().Err(err).Str("vendor", vendor).Msg("usher status may say otherwise for a while")
	}
}
