// Package core carries out the events of a vendor: lifecycle events and all that waits in one
// process at a time, first attempts of activity in every process. The package wires the
// mailboxes, the intake and the activity worker to the streams, and the vendor's state to the
// breaker.
package core

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/intake"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/memory"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// Config holds the limits of one vendor.
type Config struct {
	Vendor      string
	Stream      string   // of events
	Replays     string   // stream of replays
	Subjects    []string // of the events for the vendor, without activity
	Activity    Activity
	Bucket      string        // of records
	Effects     string        // bucket of the records of activity
	Segments    string        // bucket of the segments of the memory of activities
	Concurrency int           // effects at work at the vendor in this process, at most
	Slots       int           // zero: as many as the rate can finish within the call lease
	LeaseTTL    time.Duration // zero: 5 s
	Shutdown    time.Duration
	HoldRetry   time.Duration // between two checks of a vendor on hold
	Rate        float64       // calls a second of all processes; zero or below is no limit
	Start       Start
	Mailbox     mailbox.Config
}

// Activity is how the activity events of a vendor are taken.
type Activity struct {
	Subjects      []string // none: the vendor takes no activity
	Prefetch      int      // events in hand, at most; zero: 8 for each effect at work
	AckWait       time.Duration
	MaxAckPending int
	Ordered       bool          // the calls of a user begin in the order of the stream, in the process of the owner
	Memory        time.Duration // time for which an activity is remembered
}

// Deps are the parts of a Core. All must be set but Guard, Observe, WatchPauses, WatchChecks,
// OnHold, Failed and Removed.
type Deps struct {
	JetStream   jetstream.JetStream
	Names       streams.Names
	Port        vendors.Adapter // the adapter of the vendor, with calls that wait for Limiter
	Limiter     *Limiter        // of the vendor
	Results     mailbox.Results
	History     mailbox.History
	DeadLetters mailbox.DeadLetters
	Rules       handlers.Rules   // of the team; nil: none
	Profiles    mailbox.Profiles // for Rules
	Guard       mailbox.Guard
	Decoder     *mailbox.Decoder // of all vendors of the process
	Handlers    []handlers.Handler
	// Check makes the cheapest call for a test of our credentials, and returns the next
	// adapter, perhaps with new credentials; nil for the present adapter.
	Check   func(ctx context.Context) (port vendors.Adapter, err error)
	Log     zerolog.Logger
	Tracer  trace.Tracer // nil: no traces
	Observe func(mailbox.Observation)
	// WatchPauses calls see with the pauses in force, by vendor: at first, and after each
	// change. Nothing calls the vendor before; nil: no vendor is ever paused.
	WatchPauses func(ctx context.Context, see func(map[string]streams.Pause))
	// WatchChecks calls see with the times at which a person last asked for a check of a vendor on
	// hold, as WatchPauses does; nil: nobody asks.
	WatchChecks func(ctx context.Context, see func(map[string]time.Time))
	// Failed is called whenever NATS fails a step, and Removed with the number of messages that
	// left the stream unread. Both may be nil.
	Failed  func(step string)
	Removed func(messages uint64)
	// OnHold is called with the reason when the vendor is put on hold, and with nil at the
	// end of the hold. credentials reports that the vendor refuses the credentials, next is the time of
	// the next check.
	OnHold func(why error, credentials bool, next time.Time)
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
	streams  *vendorStreams
	first    *mailbox.FirstAttempts // of activity; nil if the vendor takes none
	memory   *memory.Memory         // of activities; nil if the vendor takes none
	ttl      time.Duration          // of the records of activity; zero or below is none

	owner atomic.Pointer[intake.Owner]
	boxes atomic.Pointer[mailbox.Mailboxes] // of the last ownership
}

// Open opens the streams. Package admin must have made them.
func Open(ctx context.Context, c Config, d Deps) (*Core, error) {
	c = c.withDefaults()
	x := &Core{config: c, deps: d}
	x.vendor.Name = c.Vendor
	x.vendor.Port.Store(&d.Port)
	x.vendor.Rules = d.Rules
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
	var err error
	if x.streams, err = openStreams(ctx, c, streams.Client{JetStream: d.JetStream, Names: d.Names}, x.logNew); err != nil {
		return nil, err
	}
	if x.streams.shared != nil {
		if err = x.openMemory(ctx); err != nil {
			return nil, err
		}
		if x.first, err = mailbox.NewFirstAttempts(&x.vendor, c.Mailbox, x.mailboxDeps(timerToken), x.streams.shared.Now); err != nil {
			return nil, err
		}
		if x.ttl, err = x.streams.records.events.TTL(ctx); err != nil {
			return nil, err
		}
	}
	return x, x.greet(ctx)
}

// greet logs that a vendor without a committed position gets all events of the stream, and from
// which event on a vendor with a start is served.
func (x *Core) greet(ctx context.Context) error {
	from, err := x.streams.state.Position(ctx)
	if err != nil {
		return err
	}
	if from != (events.Position{}) {
		if x.config.Start != (Start{}) {
			x.deps.Log.Info().Str("vendor", x.config.Vendor).Uint64("position", from.Seq).Msg("events up to the position are not carried out again; start counts at the first start only")
		}
		return nil
	}
	pending, err := x.streams.lag.Pending(ctx)
	if err == nil {
		x.logNew(pending)
	}
	return err
}

// logNew logs that the vendor gets events from before the first service.
func (x *Core) logNew(pending uint64) {
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
	if x.deps.WatchChecks != nil {
		beside.Go(func() { x.gate.watchChecks(ctx, x.deps.WatchChecks) })
	}
	sharing, endSharing := context.WithCancel(context.WithoutCancel(ctx))
	defer endSharing() // once the last call has ended
	beside.Go(func() { x.shareRate(sharing) })
	if x.first != nil {
		beside.Go(func() { x.memory.Run(ctx) })
		if !x.config.Activity.Ordered {
			beside.Go(func() { x.takeActivity(ctx, forever) })
		}
	}
	beside.Go(func() { x.keep(ctx, keepEvery) })
	beside.Go(func() { x.renew(ctx, x.ttl) })
	s := x.streams
	owner := intake.New(intake.Config{
		Vendor: x.config.Vendor, Renew: x.config.LeaseTTL / 5, Commit: 200 * time.Millisecond,
		Grace: x.config.Shutdown, Wakes: 2 * x.config.Slots, DeleteAfter: x.config.Mailbox.Rules.DeleteAfter,
	}, intake.Deps{
		Acquire: s.acquire, State: s.state, Read: s.read, First: s.stream.FirstSequence, Replays: s.readReplays,
		Wakes: s.wakes, Sentinel: s.sentinel, Unfinished: s.unfinished, Held: s.held, ShowPosition: s.lag.Show,
		Released: x.released, Approved: x.approved, Beside: x.beside, Mailboxes: x.mailboxes, MayWake: x.gate.Allows, Failed: x.deps.Failed, Removed: x.deps.Removed, Log: x.deps.Log,
	})
	x.owner.Store(owner)
	owner.Run(ctx)
}

// mailboxes returns the mailboxes for an ownership.
func (x *Core) mailboxes(own mailbox.Ownership) (*mailbox.Mailboxes, mailbox.Timers, error) {
	d := x.mailboxDeps(own.Token())
	d.Ownership = own
	m, err := mailbox.New(&x.vendor, x.config.Mailbox, d)
	x.boxes.Store(m)
	return m, d.Timers, err
}

// mailboxDeps returns the parts of mailboxes. token is the token of the timers.
func (x *Core) mailboxDeps(token uint64) mailbox.Deps {
	s := x.streams
	d := mailbox.Deps{
		Records: s.records, Index: records{users: s.index}, Events: single{s.stream, x.config.Stream}, Replays: replays{s.replays},
		Timers:  timers{s.timers, x.config.Vendor, token},
		Results: x.deps.Results, History: x.deps.History, DeadLetters: x.deps.DeadLetters, Profiles: x.deps.Profiles, Guard: x.deps.Guard, Gate: x.gate, Scheduler: x.slots,
		Decoder: x.deps.Decoder, Handlers: x.deps.Handlers, Log: x.deps.Log, Tracer: x.deps.Tracer, Observe: x.deps.Observe,
		Failures: &x.failures,
	}
	if x.memory != nil {
		d.Memory = x.memory
		d.Results = results{d.Results, x.memory}
	}
	return d
}

// approved returns the digests of single users whose deletions are approved, and a channel that is closed at
// the next approval.
func (x *Core) approved() ([]string, <-chan struct{}) {
	if x.deps.Guard == nil {
		return nil, nil
	}
	return x.deps.Guard.ApprovedUsers()
}

// released returns a channel, closed at the end of a hold of deletions.
func (x *Core) released() <-chan struct{} {
	if x.deps.Guard == nil {
		return nil
	}
	return x.deps.Guard.Released()
}
