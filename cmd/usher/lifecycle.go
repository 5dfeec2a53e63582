package main

import (
	"context"
	"sync"
	"time"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/core"
	"github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/telemetry"
	"github.com/usherhq/usher/internal/worker"
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
func (l *limiters) pace(v vendor) { v.section.Settings.Pace(l.of(v)) }

// lifecycle returns a function that carries out the activity events of a vendor, and its
// lifecycle events whenever this process owns the vendor.
func (e *engine) lifecycle(ctx context.Context, v vendor, port any, deps worker.Deps) (func(context.Context), error) {
	js := e.bus.JetStream()
	if err := streams.Ensure(ctx, js, streams.Names{}, e.config.NATS.Replicas); err != nil {
		return nil, err
	}
	subjects, activity := subjects(port, deps.Handlers)
	for _, counter := range e.counters(v.name, subjects) {
		if err := streams.EnsureCounter(ctx, streams.Client{JetStream: js}, counter); err != nil {
			return nil, err
		}
	}
	c, s := e.config.Worker, v.settings()
	x, err := core.Open(ctx, core.Config{
		Vendor: v.name, Stream: layout(e.config.NATS).Events, Replays: bus.ReplaysStream, Subjects: subjects, Bucket: bus.AccountsKV, Effects: bus.EffectsKV,
		Activity: core.Activity{Subjects: activity, Prefetch: 8 * s.Concurrency, AckWait: c.AckWait, MaxAckPending: c.MaxAckPending},
		Slots:    atWork(s, c.CallLease),
		LeaseTTL: leaseTTL, Shutdown: c.Shutdown * 3 / 4, HoldRetry: c.HoldRetry, Rate: s.Rate,
		Mailbox: mailbox.Config{
			Source: e.config.Source, CallTimeout: s.Timeout, CallLease: c.CallLease,
			MaxAge: s.MaxAge, PrerequisiteWait: c.PrerequisiteWait, FirstLook: 2 * time.Second,
			RetryMin: c.RetryMin, RetryMax: c.RetryMax, HoldRetry: c.HoldRetry, Remember: 2 * s.MaxAge, RecordBytes: recordBytes, WaitingBytes: waitingBytes,
		},
	}, core.Deps{
		JetStream: js, Port: port, Limiter: e.limiters.of(v), Results: e.bus, History: history.New(streams.Client{JetStream: js}, bus.HistoryStream), DeadLetters: e.bus, Guard: e.guard, Validate: deps.Validate, Handlers: deps.Handlers,
		Check: e.trial(v), Log: e.log, Tracer: e.traces.Tracer(), OnHold: e.hold(ctx, v.name), WatchPauses: e.bus.WatchPauses,
		Observe: func(o mailbox.Observation) {
			e.note(worker.Seen{Vendor: o.Vendor, Type: o.Type, Key: o.Key, Outcome: o.Outcome, Class: o.Class, Took: o.Took, Age: o.Age})
		},
		Failed:  func(string) { e.metrics.StepFailed(v.name) },
		Removed: func(n uint64) { e.metrics.Removed(v.name, n) },
	})
	if err != nil {
		return nil, err
	}
	e.metrics.Vendor(v.name, func() telemetry.VendorStats {
		s := x.Stats()
		return telemetry.VendorStats{Owner: s.Owner, OnHold: s.OnHold, Unknown: telemetry.Waits(s.Unknown), Retries: telemetry.Waits(s.Retries)}
	})
	return x.Run, nil
}
