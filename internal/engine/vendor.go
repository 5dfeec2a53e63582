package engine

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

// pace lets the calls of a vendor wait for its limiter.
func (l *limiters) pace(v Vendor) { v.section.Settings.SetLimiter(l.of(v)) }

// serve carries out the activity events of a vendor, and its lifecycle events whenever this
// process owns the vendor, until ctx ends.
func (e *Engine) serve(ctx context.Context, v Vendor, port vendors.Adapter) error {
	var x *core.Core
	err := e.insist(ctx, func() (err error) {
		x, err = e.open(ctx, v, port)
		return bus.Explained(err)
	})
	if err != nil {
		return err
	}
	e.cores.Store(v.Name, x)
	e.Metrics.Vendor(v.Name, func() telemetry.VendorStats {
		s := x.Stats()
		return telemetry.VendorStats{Owner: s.Owner, OnHold: s.OnHold, Unknown: telemetry.Waits(s.Unknown), Retries: telemetry.Waits(s.Retries)}
	})
	x.Run(ctx)
	return nil
}

// failing returns the vendors for which NATS fails steps at present.
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
	list := e.Catalog.Handlers(handlers.Courses(e.Config.Courses), names(e.Catalog.With(&e.Config)))
	lifecycle, activity := subjects(port, list)
	client := streams.Client{JetStream: e.Bus.JetStream()}
	for _, counter := range e.counters(v.Name, lifecycle) {
		if err := streams.EnsureCounter(ctx, client, counter); err != nil {
			return nil, err
		}
	}
	return core.Open(ctx, e.coreConfig(v, lifecycle, activity), core.Deps{
		JetStream: client.JetStream, Port: port, Limiter: e.limiters.of(v), Results: e.Bus,
		History: history.New(client, bus.HistoryStream), DeadLetters: e.Bus, Guard: e.guard, Validate: e.schemas.Validate, Handlers: list,
		Check: e.trial(v), Log: e.Log, Tracer: e.Traces.Tracer(), OnHold: e.hold(ctx, v.Name), WatchPauses: e.Bus.WatchPauses,
		Observe: e.note,
		Failed:  func(string) { e.Metrics.StepFailed(v.Name) },
		Removed: func(n uint64) { e.Metrics.Removed(v.Name, n) },
	})
}

// coreConfig returns the limits of a vendor.
func (e *Engine) coreConfig(v Vendor, lifecycle, activity []string) core.Config {
	c, s := e.Config.Worker, v.Settings()
	return core.Config{
		Vendor: v.Name, Stream: Layout(e.Config.NATS).Events, Replays: bus.ReplaysStream, Subjects: lifecycle, Bucket: bus.AccountsKV, Effects: bus.EffectsKV,
		Activity: core.Activity{Subjects: activity, Prefetch: 8 * s.Concurrency, AckWait: c.AckWait, MaxAckPending: c.MaxAckPending},
		Slots:    atWork(s, c.CallLease),
		LeaseTTL: leaseTTL, Shutdown: c.Shutdown * 3 / 4, HoldRetry: c.HoldRetry, Rate: s.Rate,
		Mailbox: mailbox.Config{
			Source: e.Config.Source, CallTimeout: s.Timeout, CallLease: c.CallLease,
			MaxAge: s.MaxAge, PrerequisiteWait: c.PrerequisiteWait, FirstLook: 2 * time.Second,
			RetryMin: c.RetryMin, RetryMax: c.RetryMax, HoldRetry: c.HoldRetry, Remember: 2 * s.MaxAge, RecordBytes: recordBytes, WaitingBytes: waitingBytes,
		},
	}
}
