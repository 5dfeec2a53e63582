package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/core"
	"github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/telemetry"
	"github.com/usherhq/usher/vendors"
)

const (
	leaseTTL    = 5 * time.Second
	recordBytes = 512 << 10
	// waitingBytes is a fraction of the memory for all users of a vendor (intake).
	waitingBytes = 8 << 20
)

// limiters are the limiters of the vendors, by name: one for all adapters of a vendor.
type limiters struct {
	mu   sync.Mutex
	list map[string]*core.Limiter
}

// of returns the limiter of a vendor.
func (l *limiters) of(v vendor) *core.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.list == nil {
		l.list = map[string]*core.Limiter{}
	}
	if l.list[v.name] == nil {
		l.list[v.name] = core.NewLimiter(v.settings().Rate)
	}
	return l.list[v.name]
}

// pace lets the calls of a vendor wait for its limiter.
func (l *limiters) pace(v vendor) { v.section.Settings.SetLimiter(l.of(v)) }

// serve carries out the activity events of a vendor, and its lifecycle events whenever this
// process owns the vendor, until ctx ends.
func (e *engine) serve(ctx context.Context, v vendor, port vendors.Adapter) error {
	var x *core.Core
	err := e.insist(ctx, func() (err error) {
		x, err = e.open(ctx, v, port)
		return bus.Explained(err)
	})
	if err != nil {
		return err
	}
	e.cores.Store(v.name, x)
	e.metrics.Vendor(v.name, func() telemetry.VendorStats {
		s := x.Stats()
		return telemetry.VendorStats{Owner: s.Owner, OnHold: s.OnHold, Unknown: telemetry.Waits(s.Unknown), Retries: telemetry.Waits(s.Retries)}
	})
	x.Run(ctx)
	return nil
}

// failing returns the vendors for which NATS fails steps at present.
func (e *engine) failing() (names []string) {
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
func (e *engine) open(ctx context.Context, v vendor, port vendors.Adapter) (*core.Core, error) {
	list := handlerList(handlers.Courses(e.config.Courses), names(vendorList(&e.config)))
	lifecycle, activity := subjects(port, list)
	client := streams.Client{JetStream: e.bus.JetStream()}
	for _, counter := range e.counters(v.name, lifecycle) {
		if err := streams.EnsureCounter(ctx, client, counter); err != nil {
			return nil, err
		}
	}
	return core.Open(ctx, e.coreConfig(v, lifecycle, activity), core.Deps{
		JetStream: client.JetStream, Port: port, Limiter: e.limiters.of(v), Results: e.bus,
		History: history.New(client, bus.HistoryStream), DeadLetters: e.bus, Guard: e.guard, Validate: e.schemas.Validate, Handlers: list,
		Check: e.trial(v), Log: e.log, Tracer: e.traces.Tracer(), OnHold: e.hold(ctx, v.name), WatchPauses: e.bus.WatchPauses,
		Observe: e.note,
		Failed:  func(string) { e.metrics.StepFailed(v.name) },
		Removed: func(n uint64) { e.metrics.Removed(v.name, n) },
	})
}

// coreConfig returns the limits of a vendor.
func (e *engine) coreConfig(v vendor, lifecycle, activity []string) core.Config {
	c, s := e.config.Worker, v.settings()
	return core.Config{
		Vendor: v.name, Stream: layout(e.config.NATS).Events, Replays: bus.ReplaysStream, Subjects: lifecycle, Bucket: bus.AccountsKV, Effects: bus.EffectsKV,
		Activity: core.Activity{Subjects: activity, Prefetch: 8 * s.Concurrency, AckWait: c.AckWait, MaxAckPending: c.MaxAckPending},
		Slots:    atWork(s, c.CallLease),
		LeaseTTL: leaseTTL, Shutdown: c.Shutdown * 3 / 4, HoldRetry: c.HoldRetry, Rate: s.Rate,
		Mailbox: mailbox.Config{
			Source: e.config.Source, CallTimeout: s.Timeout, CallLease: c.CallLease,
			MaxAge: s.MaxAge, PrerequisiteWait: c.PrerequisiteWait, FirstLook: 2 * time.Second,
			RetryMin: c.RetryMin, RetryMax: c.RetryMax, HoldRetry: c.HoldRetry, Remember: 2 * s.MaxAge, RecordBytes: recordBytes, WaitingBytes: waitingBytes,
		},
	}
}
