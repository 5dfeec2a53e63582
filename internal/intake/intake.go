// Package intake lets one process at a time work for a vendor. The owner holds a lease that
// the server counts, reads the events of the vendor in the order of the stream from the
// committed position, and gives each to the mailbox of the user. The owner takes the wakes of
// the timers, and commits the position up to which all events are finished, or registered with a
// timer.
package intake

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/pause"
)

// ErrNewerOwner is returned by Deps.Wakes if a newer owner was seen.
var ErrNewerOwner = errors.New("a newer owner was seen")

// Lease is the lease of a vendor.
type Lease interface {
	// Renew extends the lease. An error does not end the lease; see Until.
	Renew(ctx context.Context) error
	// Until is the end of the certain time of the lease, by the clock of the process.
	Until() time.Time
	// ServerTime returns the time of the server at the time now of the process.
	ServerTime(now time.Time) time.Time
	// Release frees the lease, so another process need not wait for the expiry.
	Release(ctx context.Context) error
}

// State is handed on between the owners of a vendor.
type State interface {
	// RaiseToken returns a fencing token above all before, and above floor.
	RaiseToken(ctx context.Context, floor uint64) (uint64, error)
	// Position returns the committed position.
	Position(ctx context.Context) (events.Position, error)
	// Commit raises the committed position to p. A later position stays.
	Commit(ctx context.Context, p events.Position) error
	// Swept returns the nonce of the sentinel at the last sweep of the timers.
	Swept(ctx context.Context) (string, error)
	SetSwept(ctx context.Context, nonce string) error
}

// Reader reads the events of a vendor in the order of the stream, without a gap.
type Reader interface {
	// Next waits for events, and returns at most limit events.
	Next(ctx context.Context, limit int) ([]mailbox.Message, error)
	Close(ctx context.Context)
}

// Replay is an event on the way back to the vendor.
type Replay struct {
	Position events.Position // in the stream of replays
	Message  mailbox.Message // with the position of the first message of the event
}

// Replays reads the replays of a vendor in the order of the stream, without a gap.
type Replays interface {
	// Next waits for replays, and returns at most limit replays.
	Next(ctx context.Context, limit int) ([]Replay, error)
	Close(ctx context.Context)
}

// Wake is a fired timer.
type Wake struct {
	User string // key of the mailbox
	Ack  func()
}

// Wakes takes the fired timers.
type Wakes interface {
	// Next waits for wakes, for a second or so, and returns at most limit wakes.
	Next(ctx context.Context, limit int) ([]Wake, error)
	// Close ends the consumer: wakes without an acknowledgement go to the next owner.
	Close(ctx context.Context)
}

// Deps are the parts of an owner. All must be set but Beside, Failed and Removed.
type Deps struct {
	// Acquire waits for the lease.
	Acquire func(ctx context.Context) (Lease, error)
	State   State
	// Read opens a reader behind a position.
	Read func(ctx context.Context, token uint64, from events.Position) (Reader, error)
	// First returns the position of the first event in the stream.
	First func(ctx context.Context) (events.Position, error)
	// Replays opens a reader behind a position of the stream of replays; all stored
	// replays come behind the zero Position.
	Replays func(ctx context.Context, token uint64, from events.Position) (Replays, error)
	// Wakes opens the consumer of the wakes of a class, mailbox.Wake or mailbox.Activity.
	Wakes func(ctx context.Context, token uint64, c mailbox.Class) (Wakes, error)
	// Sentinel returns the nonce of the sentinel in the stream of timers, and plants a new
	// sentinel if none is there.
	Sentinel func(ctx context.Context) (string, error)
	// Unfinished calls yield with the key of each mailbox with pending effects, or
	// with possibly unpublished results.
	Unfinished func(ctx context.Context, yield func(key string) error) error
	// Released returns a channel, closed at the end of a hold of deletions.
	Released func() <-chan struct{}
	// Approved returns the digests of single users whose deletions are approved, and a channel that is closed
	// at the next approval.
	Approved func() (digests []string, next <-chan struct{})
	// Held calls yield with the key of each mailbox with a held deletion.
	Held func(ctx context.Context, yield func(key string) error) error
	// Beside is called for each ownership, with the context of its end. The lease is released
	// after Beside has returned. May be nil.
	Beside func(ctx context.Context, own mailbox.Ownership)
	// Mailboxes returns the mailboxes for an ownership.
	Mailboxes func(mailbox.Ownership) (*mailbox.Mailboxes, mailbox.Timers, error)
	// MayWake reports whether wakes of a class may call the vendor.
	MayWake func(c mailbox.Class) bool
	// ShowPosition shows the committed position to monitors of the lag.
	ShowPosition func(ctx context.Context, p events.Position) error
	// Failed is called whenever NATS fails a step, before the step is tried again.
	Failed func(step string)
	// Removed is called with the number of messages that left the stream of events behind the
	// committed position. Events among them outside of all mailboxes are lost.
	Removed func(messages uint64)
	Log     zerolog.Logger
}

// Config holds the limits of an owner.
type Config struct {
	Vendor string
	Renew  time.Duration // between two renewals of the lease
	Commit time.Duration // between two commits of the position
	Grace  time.Duration // from the end of the context until everything has ended
	Wakes  int           // wakes of a class in hand, at most; and as many replays
	// DeleteAfter is the grace of disabled accounts: after a change all timers are set anew.
	DeleteAfter time.Duration
}

// Owner works for a vendor while the owner holds the lease.
type Owner struct {
	config Config
	deps   Deps
	owns   atomic.Bool
	// floor is the highest seen token of another owner: the next ownership begins above.
	floor atomic.Uint64
}

// New returns an owner. Run lets the owner work.
func New(c Config, d Deps) *Owner {
	if d.Failed == nil {
		d.Failed = func(string) {}
	}
	if d.Removed == nil {
		d.Removed = func(uint64) {}
	}
	if d.Beside == nil {
		d.Beside = func(context.Context, mailbox.Ownership) {}
	}
	return &Owner{config: c, deps: d}
}

// Owns reports whether this process owns the vendor.
func (o *Owner) Owns() bool { return o.owns.Load() }

// Run works for the vendor whenever this process gets the lease, until ctx ends.
func (o *Owner) Run(ctx context.Context) {
	for delay := firstDelay; ctx.Err() == nil; {
		lease, err := o.deps.Acquire(ctx)
		if err == nil {
			err = o.own(ctx, lease)
		}
		if err == nil {
			delay = firstDelay
			continue
		}
		if ctx.Err() == nil {
			o.deps.Failed("own the vendor")
			o.deps.Log.Warn().Err(err).Str("vendor", o.config.Vendor).Dur("delay_ms", delay).Msg("cannot own the vendor, trying again")
		}
		pause.For(ctx, delay)
		delay = min(2*delay, lastDelay)
	}
}

// The delays between two tries of a step after a failure of NATS.
const (
	firstDelay = 100 * time.Millisecond
	lastDelay  = 5 * time.Second
)

// own works for the vendor until the lease is lost or ctx ends.
func (o *Owner) own(ctx context.Context, lease Lease) error {
	x, err := o.begin(ctx, lease)
	if err != nil {
		return errors.Join(err, lease.Release(context.WithoutCancel(ctx)))
	}
	o.owns.Store(true)
	defer o.owns.Store(false)
	owning, stop := context.WithCancel(ctx)
	defer stop()
	x.stop = stop
	renewing, endRenewing := context.WithCancel(context.WithoutCancel(ctx))
	var work, renewal sync.WaitGroup
	renewal.Go(func() { x.renew(renewing) })
	work.Go(func() { x.read(owning) })
	work.Go(func() { x.readReplays(owning) })
	work.Go(func() { x.wake(owning, mailbox.Wake) })
	work.Go(func() { x.wake(owning, mailbox.Activity) })
	work.Go(func() { x.commit(owning) })
	work.Go(func() { x.sweep(owning) })
	work.Go(func() { releaseDeletions(owning, x) })
	work.Go(func() { releaseUsers(owning, x) })
	work.Go(func() { o.deps.Beside(owning, x) })
	x.boxes.Run(owning, o.config.Grace)
	work.Wait()
	endRenewing()
	renewal.Wait()
	return x.end(ctx)
}
