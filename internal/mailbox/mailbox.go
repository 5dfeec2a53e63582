// Package mailbox carries out the events of one vendor, one user at a time. Each user has
// a mailbox: the record with all registered, unfinished events, and a timer if any event has to
// wait. A turn works on one mailbox:
//
//	register → claim → call the vendor → store the outcome → publish the result
//
// A process runs the mailboxes of a vendor as long as it owns the vendor (Ownership). The
// package record holds the rules of the calls. The package mailbox knows no vendor by name:
// handlers plan the calls of an event.
package mailbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/streams"
)

// Class is the kind of work that asks for a slot and for the rate of the vendor.
type Class = fairness.Class

// The classes of the work of mailboxes.
const (
	Fresh = fairness.Fresh // the first attempt of an event just read
	Wake  = fairness.Wake  // retries, and all work after a wait
	// Activity is all work of activity events, with retries.
	Activity = fairness.Activity
)

// Config holds the limits of one vendor. All must be set, unless stated otherwise.
type Config struct {
	Source           string          // of results, as a CloudEvents source
	CallTimeout      time.Duration   // of one call of the vendor
	CallLease        time.Duration   // after a claim, in which calls of the vendor may begin
	MaxAge           time.Duration   // from the first attempt until an effect is given up
	PrerequisiteWait time.Duration   // from the first look until a missing account is given up
	FirstLook        time.Duration   // from the registration until a missing account is looked for
	RetryMin         time.Duration   // the first backoff
	RetryMax         time.Duration   // the longest backoff
	HoldRetry        time.Duration   // between two looks at a held deletion
	Remember         time.Duration   // for which a finished event is known
	RecordBytes      int             // of a record, at most; the store must accept record.HeadRoom more
	WaitingBytes     int             // of the events of a user in memory, without room in the record
	Rules            handlers.Policy // of the team; the zero value forbids nothing
	ByTime           []string        // sources whose events have the order of the sender's time
	SealKeys         [][]byte        // of the events of signed deliveries; none: every producer may use their sources
}

// Message is an event as a stream holds it.
type Message struct {
	Stream   string
	Position events.Position
	Subject  string
	Header   map[string][]string
	Payload  []byte
	Stored   time.Time

	decoded *decoded // by Decoder.Decoded; nil: not decoded yet
}

// ErrStaleRevision is returned by Records.Store if the record was changed meanwhile, and
// ErrGone by Events and Replays for a message no longer stored.
var (
	ErrStaleRevision = errors.New("the record was changed meanwhile")
	ErrGone          = errors.New("the message is not stored any more")
)

// Records stores records by compare-and-set.
type Records interface {
	// Load returns the record and its revision; nil and 0 if there is none.
	Load(ctx context.Context, key string) ([]byte, uint64, error)
	// Store replaces the record if its revision is still revision, and returns the new
	// revision, or ErrStaleRevision. After any other error the record may have been replaced.
	Store(ctx context.Context, key string, record []byte, revision uint64) (uint64, error)
}

// Events reads single events.
type Events interface {
	Get(ctx context.Context, p events.Position) (Message, error)
}

// Replays reads and removes replays. Position of a Message is the position of the first
// message of the event.
type Replays interface {
	Get(ctx context.Context, seq uint64) (Message, error)
	Remove(ctx context.Context, seq uint64) error
}

// Timers sets the timer of a user. The timer wakes the mailbox at the time due, by the clock of
// the server. A later call replaces an earlier timer of the same ownership.
type Timers interface {
	Arm(ctx context.Context, user string, due time.Time) error
}

// Results publishes results. Publish returns once the result is stored.
type Results interface {
	Publish(ctx context.Context, vendor string, result events.Event) error
}

// Memory knows the finished activities. See memory.Memory.
type Memory interface {
	// Knows reports whether the result of an event is stored, and whether the event may have a record.
	Knows(eventKey string) (result, record bool)
	// AddRecord adds an event whose record was stored.
	AddRecord(eventKey string)
	// KnewAt reports whether everything that was stored before a time is known.
	KnewAt(t time.Time) bool
	// CatchUp waits until everything that was stored before the call is known.
	CatchUp(ctx context.Context) error
}

// DeadLetters keeps the failed effects, and sends them back. The methods return once the change is stored.
type DeadLetters interface {
	Add(ctx context.Context, d streams.DeadLetter) error
	// AddEvent stores the dead letter of an event that is itself at fault, once for all vendors.
	AddEvent(ctx context.Context, d streams.DeadLetter) error
	// RemoveEnded removes the dead letter, if any, of an effect that ended well in the end: as the
	// replay of a number, or as the event itself (0).
	RemoveEnded(ctx context.Context, vendor, eventType, key string, replay int) error
	// Reopen makes the dead letter, if any, ready for a further replay: the replay of a number was
	// skipped.
	Reopen(ctx context.Context, vendor, eventType, key string, replay int) error
	// ReplayWaiting sends the dead letter, if any, of an effect back to the vendor, unless the dead
	// letter was sent back before. Reports whether the dead letter was sent.
	ReplayWaiting(ctx context.Context, vendor, eventType, key string) (sent bool, err error)
}

// Gate decides when the vendor may be called.
type Gate interface {
	// Allows reports whether work of a class may call the vendor: not while the
	// vendor is on hold or paused.
	Allows(c Class) bool
	// Wait waits for a share of the vendor's rate.
	Wait(ctx context.Context, c Class) error
	// TryWait takes a share of the rate only if nothing has to be waited for, and reports so.
	TryWait() bool
	// Attach returns a context for the calls of an effect for which Wait was called.
	Attach(ctx context.Context, c Class) context.Context
	// Report counts the outcome of an attempt for a user.
	Report(user string, err error)
}

// Ownership is the right to work for the vendor.
type Ownership interface {
	// Token is the fencing token.
	Token() uint64
	// Since is the beginning, by the clock of the server.
	Since() time.Time
	// Until is the time, by the clock of this process, up to which the ownership is
	// certain. Each renewal moves Until.
	Until() time.Time
	// Now is the time of the server.
	Now() time.Time
	// Committed is the position up to which all events are finished, or registered with a timer.
	Committed() events.Position
	// StepDown ends the ownership: a record has the higher token of a newer owner.
	StepDown(token uint64)
}

// Deps are the parts used by a mailbox. All must be set but Profiles, Guard, Failures, Tracer,
// and Observe.
type Deps struct {
	Records     Records
	Index       Records // of accounts: from AccountKey to the digest in the key of the record with the account
	Events      Events
	Replays     Replays
	Timers      Timers
	Results     Results
	History     History
	DeadLetters DeadLetters
	Memory      Memory   // for FirstAttempts only
	Profiles    Profiles // of users, for Vendor.Rules
	Guard       Guard
	Gate        Gate
	Ownership   Ownership
	Scheduler   *fairness.Scheduler // of the vendor in this process
	Decoder     *Decoder
	Handlers    []handlers.Handler
	Log         zerolog.Logger
	Tracer      trace.Tracer // of a span for each attempt; nil: none
	Failures    *Failures    // of NATS, over all ownerships
	Observe     func(Observation)
}

// Observation is one attempt, or the end of an effect without an attempt.
type Observation struct {
	Vendor, Type, Key string
	Outcome           string // empty if the effect is tried again
	Class             string // of the failure
	Took              time.Duration
	Age               time.Duration // since the event was stored
}

// check returns an error for a missing limit.
func (c Config) check() error {
	for name, set := range map[string]bool{
		"call timeout": c.CallTimeout > 0, "call lease": c.CallLease > 0, "max age": c.MaxAge > 0,
		"prerequisite wait": c.PrerequisiteWait > 0, "retry": c.RetryMin > 0 && c.RetryMax >= c.RetryMin,
		"hold retry": c.HoldRetry > 0, "remember": c.Remember > 0, "record bytes": c.RecordBytes > 0, "waiting bytes": c.WaitingBytes > 0,
	} {
		if !set {
			return fmt.Errorf("mailbox: limit not set: %s", name)
		}
	}
	return nil
}
