// Package core lets one process at a time carry out the lifecycle events of a vendor: it
// wires the mailboxes and the intake to the streams, and the vendor's state to the breaker.
package core

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/intake"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// Config holds the limits of one vendor.
type Config struct {
	Vendor    string
	Stream    string   // of events
	Subjects  []string // of the events that the vendor takes
	Bucket    string   // of records
	LeaseTTL  time.Duration
	Shutdown  time.Duration
	HoldRetry time.Duration // between two checks of a vendor on hold
	Rate      float64       // calls a second of all processes; zero or below is no limit
	Mailbox   mailbox.Config
}

// Deps are the parts that a Core works with. All must be set but Guard, Observe, WatchPauses and OnHold.
type Deps struct {
	JetStream   jetstream.JetStream
	Port        any      // the adapter of the vendor; its calls wait for Limiter
	Limiter     *Limiter // of the vendor
	Results     mailbox.Results
	DeadLetters mailbox.DeadLetters
	Guard       mailbox.Guard
	Validate    func(events.Event) error
	Handlers    []handlers.Handler
	// Check makes the cheapest call that shows whether the vendor takes our credentials, and
	// returns the adapter to go on with, which may have new ones; nil for the present one.
	Check   func(ctx context.Context) (port any, err error)
	Log     zerolog.Logger
	Tracer  trace.Tracer // nil: no traces
	Observe func(mailbox.Observation)
	// WatchPauses calls see with the pauses in force, by vendor: at first, and after each
	// change. Nothing calls the vendor before; nil: no vendor is ever paused.
	WatchPauses func(ctx context.Context, see func(map[string]bus.Pause))
	// OnHold is called with the reason when the vendor is put on hold, and with nil when it
	// is back.
	OnHold func(why error)
}

// Core works for one vendor.
type Core struct {
	config Config
	deps   Deps
	vendor mailbox.Vendor
	gate   *gate
	share  *fairness.Share // of the vendor's rate

	failures mailbox.Failures // of NATS

	leases    *streams.Leases
	state     *streams.Ownership
	timers    *streams.Timers
	stream    *streams.Events
	records   *streams.Records
	lag       *streams.Lag
	holder    string
	consumers streams.Client
}

// Open opens the streams. streams.Ensure must have made them.
func Open(ctx context.Context, c Config, d Deps) (*Core, error) {
	x := &Core{config: c, deps: d, holder: rand.Text(), consumers: streams.Client{JetStream: d.JetStream}}
	x.vendor.Name = c.Vendor
	x.vendor.Port.Store(&d.Port)
	x.gate = newGate(c, d.Limiter, d.Log)
	if d.WatchPauses == nil {
		x.gate.pause.Store(&noPause)
	}
	if c.Rate > 0 && c.LeaseTTL <= fairness.ShareValid {
		return nil, fmt.Errorf("a lease of %s is too short for shares of the rate: more than %s is needed", c.LeaseTTL, fairness.ShareValid)
	}
	x.share = fairness.NewShare(d.Limiter.Pacer, c.Rate)
	var errs [6]error
	x.leases, errs[0] = streams.OpenLeases(ctx, x.consumers, c.LeaseTTL)
	x.state, errs[1] = streams.OpenOwnership(ctx, x.consumers, c.Vendor)
	x.timers, errs[2] = streams.OpenTimers(ctx, x.consumers)
	x.stream, errs[3] = streams.OpenEvents(ctx, x.consumers, c.Stream)
	x.records, errs[4] = streams.OpenRecords(ctx, x.consumers, c.Bucket)
	x.lag, errs[5] = streams.OpenLag(ctx, x.consumers, streams.LagConfig{Stream: c.Stream, Consumer: "usher-" + c.Vendor + "-lifecycle", Subjects: c.Subjects})
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return x, x.greet(ctx)
}

// greet logs that a vendor without a committed position gets all events of the stream.
func (x *Core) greet(ctx context.Context) error {
	from, err := x.state.Position(ctx)
	if err != nil || from != (events.Position{}) {
		return err
	}
	pending, err := x.lag.Pending(ctx)
	if err == nil && pending > 0 {
		x.deps.Log.Warn().Str("vendor", x.config.Vendor).Uint64("events", pending).
			Msg("the vendor is new here: all events that the stream holds are carried out there, oldest first")
	}
	return err
}

// Run works for the vendor whenever this process owns it, until ctx ends.
func (x *Core) Run(ctx context.Context) {
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { x.gate.watch(ctx, x.check, x.deps.OnHold) })
	if x.deps.WatchPauses != nil {
		watching.Go(func() { x.gate.watchPauses(ctx, x.deps.WatchPauses) })
	}
	sharing, endSharing := context.WithCancel(context.WithoutCancel(ctx))
	defer endSharing() // once the last call has ended
	watching.Go(func() { x.shareRate(sharing) })
	intake.New(intake.Config{
		Vendor: x.config.Vendor, Renew: x.config.LeaseTTL / 5, Commit: 200 * time.Millisecond,
		Grace: x.config.Shutdown, Wakes: 2 * x.config.Mailbox.Slots,
	}, intake.Deps{
		Acquire: x.acquire, State: ownership{x.state}, Read: x.read, First: x.stream.FirstSequence,
		Wakes: x.wakes, Sentinel: func(ctx context.Context) (string, error) { return x.timers.Sentinel(ctx, x.config.Vendor) },
		Unfinished: x.unfinished, Released: x.released, Held: x.held, Mailboxes: x.mailboxes, ShowPosition: x.lag.Show, Log: x.deps.Log,
		MayWake: func() bool { return x.gate.Allows(mailbox.Wake) },
	}).Run(ctx)
}

// check asks the vendor whether it takes our credentials, and goes on with the adapter that
// comes with the answer.
func (x *Core) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, x.config.Mailbox.CallLease+x.config.Mailbox.CallTimeout)
	defer cancel()
	port, err := x.deps.Check(ctx)
	if err == nil && port != nil {
		x.vendor.Port.Store(&port)
	}
	return err
}

// acquire waits for the lease.
func (x *Core) acquire(ctx context.Context) (intake.Lease, error) {
	for {
		lease, err := x.leases.Acquire(ctx, x.config.Vendor, x.holder)
		if err == nil {
			return lease, nil
		}
		if !errors.Is(err, streams.ErrHeld) {
			return nil, err
		}
		if err := x.leases.Wait(ctx, x.config.Vendor); err != nil {
			return nil, err
		}
	}
}

// mailboxes returns the mailboxes for an ownership.
func (x *Core) mailboxes(own mailbox.Ownership) (*mailbox.Mailboxes, mailbox.Timers, error) {
	t := timers{x.timers, x.config.Vendor, own.Token()}
	m, err := mailbox.New(&x.vendor, x.config.Mailbox, mailbox.Deps{
		Records: records{x.records}, Events: single{x.stream, x.config.Stream}, Replays: noReplays{}, Timers: t,
		Results: x.deps.Results, DeadLetters: x.deps.DeadLetters, Guard: x.deps.Guard, Gate: x.gate, Ownership: own,
		Validate: x.deps.Validate, Handlers: x.deps.Handlers, Log: x.deps.Log, Tracer: x.deps.Tracer, Observe: x.deps.Observe, Failures: &x.failures,
	})
	return m, t, err
}

// read opens a reader of the vendor's events behind a position.
func (x *Core) read(_ context.Context, token uint64, from events.Position) (intake.Reader, error) {
	r, err := x.stream.Read(streams.ReaderConfig{Vendor: x.config.Vendor, Token: token, Subjects: x.config.Subjects, After: from})
	return reader{r, x.config.Stream}, err
}

// wakes opens the consumer of wakes.
func (x *Core) wakes(ctx context.Context, token uint64) (intake.Wakes, error) {
	w, err := x.timers.Wakes(ctx, x.config.Vendor, token)
	if errors.Is(err, streams.ErrNewerOwner) {
		return nil, intake.ErrNewerOwner
	}
	return wakes{w, x.config.Vendor}, err
}

// unfinished calls yield with the key of each record that has something to do. One that
// cannot be read is among them.
func (x *Core) unfinished(ctx context.Context, yield func(key string) error) error {
	return x.list(ctx, func(r *record.Record) bool { return r == nil || len(r.Pending)+len(r.Finished) > 0 }, yield)
}

// held calls yield with the key of each record that has a held deletion.
func (x *Core) held(ctx context.Context, yield func(key string) error) error {
	isHeld := func(e record.Effect) bool { return e.Held }
	return x.list(ctx, func(r *record.Record) bool { return r != nil && slices.ContainsFunc(r.Pending, isHeld) }, yield)
}

// list calls yield with the key of each record of the vendor that matches. match gets nil
// for a record that cannot be read.
func (x *Core) list(ctx context.Context, match func(*record.Record) bool, yield func(key string) error) error {
	for r, err := range x.records.List(ctx, x.config.Vendor+".") {
		if err != nil {
			return err
		}
		decoded, err := record.Decode(r.Value)
		if err != nil {
			decoded = nil
		}
		if !match(decoded) {
			continue
		}
		if err := yield(r.Key); err != nil {
			return err
		}
	}
	return nil
}

// released returns a channel that is closed at the end of a hold of deletions.
func (x *Core) released() <-chan struct{} {
	if x.deps.Guard == nil {
		return nil
	}
	return x.deps.Guard.Released()
}

// digest returns the part of a record's key that stands for the user.
func digest(key string) string {
	_, user, _ := strings.Cut(key, ".")
	return user
}
