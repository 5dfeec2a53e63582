// Package worker carries one vendor's effects out: decode → validate → claim →
// handle → record → publish the result → ack. It knows no vendor by name; what
// an event asks is the handlers' to say, what was done is the ledger's to know.
package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/brake"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
)

// Message is one delivery of a message.
type Message interface {
	Subject() string
	Header() map[string][]string
	Payload() []byte
	At() bus.Place
	Ack() error
	Nak(delay time.Duration) error
	Renew(ctx context.Context) error
}

// Results publishes results; it returns once they are stored.
type Results interface {
	Publish(ctx context.Context, vendor string, e events.Event) error
}

// Graves keeps the dead letters; it returns once what it was told is stored.
type Graves interface {
	Bury(ctx context.Context, d bus.DeadLetter) error
	// Settle removes the dead letter of an effect whose replay of this number has
	// ended well. There may be none.
	Settle(ctx context.Context, vendor, kind, key string, replay int) error
}

// Brake decides whether a user may be deleted now; first is when the deletion was
// first taken up.
type Brake interface {
	Deletion(ctx context.Context, first time.Time) (brake.Verdict, error)
}

// Config is one vendor's limits. All durations must be set.
type Config struct {
	Source           string        // of results, as a CloudEvents source
	Concurrency      int           // vendor sequences at a time
	Prefetch         int           // messages held at a time, per lane
	CallTimeout      time.Duration // of one vendor call
	CallLease        time.Duration // after a claim, in which vendor calls may begin
	MaxAge           time.Duration // from the first try until an effect is given up
	PrerequisiteWait time.Duration // from the first try until what does not come is given up
	RetryMin         time.Duration // the first wait after a failure
	RetryMax         time.Duration // the longest
	HoldRetry        time.Duration // between trials of a vendor that is on hold
	HoldAfter        int           // failures in a row that put the vendor on hold
	Keep             time.Duration // how long finished effects are remembered
	AckWait          time.Duration // after which the server takes a message for lost
	Ceiling          time.Duration // the longest that a message is held
}

// Deps is what a worker works with.
type Deps struct {
	Accounts *ledger.Book
	Effects  *ledger.Book
	Results  Results
	Graves   Graves
	Brake    Brake // may be nil
	Validate func(events.Event) error
	Handlers []handlers.Handler
	Log      zerolog.Logger
	Tracer   trace.Tracer // of a span for each attempt; nil: none
	Seen     func(Seen)   // told of every attempt; may be nil
	// Hold is told why the vendor is on hold, when it is put there and whenever a
	// trial fails, and nil when it is back. It may be nil.
	Hold func(why error)
	// Contested is told of every delivery that found its effect claimed by another
	// one: "takeover" or "dropped". It may be nil.
	Contested func(vendor, what string)
	// Trial is asked while the vendor is on hold whether it can be used again. It
	// returns the port to go on with, which may have new credentials; nil for the
	// one so far. Where Trial is nil, the vendor is simply tried again.
	Trial func(ctx context.Context) (port any, err error)
}

// Seen is what came of one attempt.
type Seen struct {
	Vendor  string
	Type    string
	Key     string // of the event
	Outcome string // empty where the effect is to be tried again
	Class   string // of the failure, where there was one
	Took    time.Duration
	Age     time.Duration // since the event was stored
}

// Worker carries out one vendor's effects.
type Worker struct {
	vendor   handlers.Vendor // its port: see port
	port     atomic.Pointer[any]
	gate     *gate
	braking  atomic.Bool // whether deletions are held, as far as this worker knows
	config   Config
	deps     Deps
	handlers map[string]handlers.Handler
	name     string // of this process's worker, for claims
	tasks    atomic.Uint64
	queue    *queue

	recent     recent
	stragglers *stragglers
	unknown    *watchlist // effects that may have reached the vendor without an answer
	retries    *watchlist // effects that failed and are tried again
}

// New returns a worker for one vendor.
func New(v handlers.Vendor, c Config, d Deps) (*Worker, error) {
	if c.Concurrency < 1 || c.Prefetch < 1 || c.CallTimeout <= 0 || c.CallLease <= 0 || c.MaxAge <= 0 || c.Keep <= 0 || c.AckWait <= 0 {
		return nil, fmt.Errorf("worker of %s: %w", v.Name, errors.New("a limit is not set"))
	}
	w := &Worker{
		vendor: v, config: c, deps: d, name: rand.Text()[:8],
		handlers: map[string]handlers.Handler{},
		queue:    newQueue(c.Concurrency), recent: newRecent(), stragglers: newStragglers(), unknown: newWatchlist(), retries: newWatchlist(),
	}
	w.port.Store(&v.Port)
	w.gate = newGate(max(1, c.HoldAfter), c.HoldRetry, d.Log.With().Str("vendor", v.Name).Logger(), d.Hold)
	for _, h := range d.Handlers {
		if h.Scope == "" { // nothing would be fenced
			return nil, fmt.Errorf("worker of %s: the handler of %s has no scope", v.Name, h.Type)
		}
		w.handlers[h.Type] = h
	}
	return w, nil
}

// trial asks whether a vendor on hold can be used again, and takes the port that
// comes with the answer.
func (w *Worker) trial(ctx context.Context) error {
	if w.deps.Trial == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.config.CallLease+w.config.CallTimeout)
	defer cancel()
	port, err := w.deps.Trial(ctx)
	if err == nil && port != nil {
		w.port.Store(&port)
	}
	return err
}

// token names one delivery in this process.
func (w *Worker) token() string {
	return w.name + "." + strconv.FormatUint(w.tasks.Add(1), 10)
}
