// Package core carries out the events of a vendor: lifecycle events and all that waits in one
// process at a time, first attempts of activity in every process. The package wires the
// mailboxes, the intake and the activity worker to the streams, and the vendor's state to the
// breaker.
package core

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
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
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// Config holds the limits of one vendor.
type Config struct {
	Vendor    string
	Stream    string   // of events
	Replays   string   // stream of replays
	Subjects  []string // of the events that the vendor takes, without activity
	Activity  Activity
	Bucket    string // of records
	Effects   string // bucket of the records of activity
	Slots     int    // effects at work at the vendor in this process
	LeaseTTL  time.Duration
	Shutdown  time.Duration
	HoldRetry time.Duration // between two checks of a vendor on hold
	Rate      float64       // calls a second of all processes; zero or below is no limit
	Mailbox   mailbox.Config
}

// Activity is how the activity events of a vendor are taken.
type Activity struct {
	Subjects      []string // none: the vendor takes no activity
	Prefetch      int      // events in hand, at most
	AckWait       time.Duration
	MaxAckPending int
}

// Deps are the parts that a Core works with. All must be set but Guard, Observe, WatchPauses,
// OnHold, Failed and Removed.
type Deps struct {
	JetStream   jetstream.JetStream
	Port        vendors.Adapter // the adapter of the vendor; its calls wait for Limiter
	Limiter     *Limiter        // of the vendor
	Results     mailbox.Results
	History     mailbox.History
	DeadLetters mailbox.DeadLetters
	Guard       mailbox.Guard
	Validate    func(events.Event) error
	Handlers    []handlers.Handler
	// Check makes the cheapest call that shows whether the vendor takes our credentials, and
	// returns the adapter to go on with, which may have new ones; nil for the present one.
	Check   func(ctx context.Context) (vendors.Adapter, error)
	Log     zerolog.Logger
	Tracer  trace.Tracer // nil: no traces
	Observe func(mailbox.Observation)
	// WatchPauses calls see with the pauses in force, by vendor: at first, and after each
	// change. Nothing calls the vendor before; nil: no vendor is ever paused.
	WatchPauses func(ctx context.Context, see func(map[string]bus.Pause))
	// Failed is called whenever NATS fails a step, and Removed with the number of messages that
	// left the stream before the vendor had them. Both may be nil.
	Failed  func(step string)
	Removed func(messages uint64)
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
	slots  *fairness.Scheduler
	share  *fairness.Share // of the vendor's rate

	failures mailbox.Failures // of NATS

	leases    *streams.Leases
	state     *streams.Ownership
	timers    *streams.Timers
	stream    *streams.Events
	replays   *streams.Replays
	records   records
	index     *streams.Records       // of accounts
	shared    *streams.Shared        // consumer of activity; nil if the vendor takes none
	first     *mailbox.FirstAttempts // of activity
	lag       *streams.Lag
	holder    string
	consumers streams.Client

	owner atomic.Pointer[intake.Owner]
	boxes atomic.Pointer[mailbox.Mailboxes] // of the last ownership
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
	if d.Failed != nil {
		x.failures.Each = func() { d.Failed("work on a mailbox") }
	}
	x.slots = fairness.NewScheduler(c.Slots)
	var errs [11]error
	x.leases, errs[0] = streams.OpenLeases(ctx, x.consumers, c.LeaseTTL)
	x.state, errs[1] = streams.OpenOwnership(ctx, x.consumers, c.Vendor)
	x.timers, errs[2] = streams.OpenTimers(ctx, x.consumers)
	x.stream, errs[3] = streams.OpenEvents(ctx, x.consumers, c.Stream)
	x.records.users, errs[4] = streams.OpenRecords(ctx, x.consumers, c.Bucket)
	x.records.events, errs[6] = streams.OpenRecords(ctx, x.consumers, c.Effects)
	x.shared, errs[7] = x.openShared(ctx)
	x.lag, errs[5] = streams.OpenLag(ctx, x.consumers, streams.CounterConfig{Stream: c.Stream, Consumer: "usher-" + c.Vendor + "-lifecycle", Subjects: c.Subjects})
	x.index, errs[8] = streams.OpenIndex(ctx, x.consumers)
	x.replays, errs[9] = streams.OpenReplays(ctx, x.consumers, c.Replays)
	errs[10] = streams.EnsureCounter(ctx, x.consumers, streams.CounterConfig{Stream: c.Replays, Consumer: "usher-" + c.Vendor + "-replay", Subjects: x.replaySubjects()})
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if x.shared != nil {
		var err error
		if x.first, err = x.openFirst(); err != nil {
			return nil, err
		}
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
	if err == nil {
		x.sayNew(pending)
	}
	return err
}

// sayNew logs that the vendor gets events that were stored before it was served.
func (x *Core) sayNew(pending uint64) {
	if pending > 0 {
		x.deps.Log.Warn().Str("vendor", x.config.Vendor).Uint64("events", pending).
			Msg("the vendor is new here: all events that the stream holds are carried out there, oldest first")
	}
}

// Run takes activity, and works for the vendor whenever this process owns it, until ctx ends.
func (x *Core) Run(ctx context.Context) {
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { x.gate.watch(ctx, x.check, x.deps.OnHold) })
	if x.deps.WatchPauses != nil {
		beside.Go(func() { x.gate.watchPauses(ctx, x.deps.WatchPauses) })
	}
	sharing, endSharing := context.WithCancel(context.WithoutCancel(ctx))
	defer endSharing() // once the last call has ended
	beside.Go(func() { x.shareRate(sharing) })
	if x.shared != nil {
		beside.Go(func() { x.takeActivity(ctx) })
	}
	beside.Go(func() { x.keep(ctx, keepEvery) })
	owner := intake.New(intake.Config{
		Vendor: x.config.Vendor, Renew: x.config.LeaseTTL / 5, Commit: 200 * time.Millisecond,
		Grace: x.config.Shutdown, Wakes: 2 * x.config.Slots,
	}, intake.Deps{
		Acquire: x.acquire, State: ownership{x.state}, Read: x.read, First: x.stream.FirstSequence, Replays: x.readReplays,
		Wakes: x.wakes, Sentinel: func(ctx context.Context) (string, error) { return x.timers.Sentinel(ctx, x.config.Vendor) },
		Unfinished: x.unfinished, Released: x.released, Held: x.held, Mailboxes: x.mailboxes, ShowPosition: x.lag.Show, Log: x.deps.Log,
		MayWake: x.gate.Allows, Failed: x.deps.Failed, Removed: x.deps.Removed,
	})
	x.owner.Store(owner)
	owner.Run(ctx)
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
	d := x.mailboxDeps(own.Token())
	d.Ownership = own
	m, err := mailbox.New(&x.vendor, x.config.Mailbox, d)
	x.boxes.Store(m)
	return m, d.Timers, err
}

// mailboxDeps returns the parts that mailboxes work with. token is that of the timers.
func (x *Core) mailboxDeps(token uint64) mailbox.Deps {
	return mailbox.Deps{
		Records: x.records, Index: records{users: x.index}, Events: single{x.stream, x.config.Stream}, Replays: replays{x.replays}, Timers: timers{x.timers, x.config.Vendor, token},
		Results: x.deps.Results, History: x.deps.History, DeadLetters: x.deps.DeadLetters, Guard: x.deps.Guard, Gate: x.gate, Scheduler: x.slots,
		Validate: x.deps.Validate, Handlers: x.deps.Handlers, Log: x.deps.Log, Tracer: x.deps.Tracer, Observe: x.deps.Observe,
		Failures: &x.failures,
	}
}

// read opens a reader of the vendor's events behind a position.
func (x *Core) read(_ context.Context, token uint64, from events.Position) (intake.Reader, error) {
	r, err := x.stream.Read(streams.ReaderConfig{Vendor: x.config.Vendor, Token: token, Subjects: x.config.Subjects, After: from})
	return reader{r, x.config.Stream}, err
}

// readReplays opens a reader of the vendor's replays behind a position.
func (x *Core) readReplays(_ context.Context, token uint64, from events.Position) (intake.Replays, error) {
	r, err := x.replays.Read(streams.ReaderConfig{Vendor: x.config.Vendor, Token: token, Subjects: x.replaySubjects(), After: from})
	return replayReader{r}, err
}

func (x *Core) replaySubjects() []string { return []string{"usher.replay." + x.config.Vendor + ".>"} }

// wakes opens the consumer of the wakes of a class.
func (x *Core) wakes(ctx context.Context, token uint64, c mailbox.Class) (intake.Wakes, error) {
	open := x.timers.Wakes
	if c == mailbox.Activity {
		open = x.timers.EventWakes
	}
	w, err := open(ctx, x.config.Vendor, token)
	if errors.Is(err, streams.ErrNewerOwner) {
		return nil, intake.ErrNewerOwner
	}
	return wakes{w, x.config.Vendor}, err
}

// digest returns the part of a record's key that stands for the user.
func digest(key string) string {
	_, user, _ := strings.Cut(key, ".")
	return user
}
