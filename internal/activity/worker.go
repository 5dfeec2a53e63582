// Package activity takes the activity events of one vendor from the durable consumer, in any
// number of processes side by side, and lets the mailbox package make the first attempt of
// each. Nothing waits in the consumer: after the first attempt an effect is finished, or is
// stored with a timer. The activities of one user begin one after the other, in the order of
// the stream.
package activity

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/pause"
)

// Message is a delivery of the consumer.
type Message interface {
	// Event is the message as the stream holds it.
	Event() mailbox.Message
	// Again reports whether the message may have been delivered before.
	Again() bool
	Ack() error
	// Nak lets the message be delivered again after a delay.
	Nak(delay time.Duration) error
	// Renew lets AckWait begin anew, and returns nil only if the server has confirmed that.
	Renew(ctx context.Context) error
}

// Fetch asks the consumer for up to n messages and passes each to take on arrival, until n
// messages came or the wait is over.
type Fetch func(ctx context.Context, n int, wait time.Duration, take func(Message)) error

// Attempts makes the first attempts; see mailbox.FirstAttempts.
type Attempts interface {
	Read(m mailbox.Message) *mailbox.Event
	CarryOut(p mailbox.Phases, d mailbox.Delivery) error
}

// Config holds the limits of a Worker. All must be set.
type Config struct {
	Vendor   string
	Prefetch int           // messages in hand, at most
	AckWait  time.Duration // of the consumer
	// Ordered lets the calls of a user begin in the order of the stream. Only the owner of the
	// vendor takes messages then.
	Ordered bool
}

// Deps are the parts of a Worker. All must be set.
type Deps struct {
	Fetch     Fetch
	Attempts  Attempts
	Scheduler *fairness.Scheduler // of the vendor in this process
	// Allows reports whether activity may call the vendor. Nothing is fetched meanwhile.
	Allows func() bool
	// Until is the end of the certain time of the right to take messages.
	Until    func() time.Time
	Failures *mailbox.Failures // of NATS
	Log      zerolog.Logger
}

// Worker takes the activity events of one vendor.
type Worker struct {
	config Config
	deps   Deps
	hand   *hand
	phases mailbox.Phases

	stop context.CancelFunc // of the fetching

	mu      sync.Mutex
	users   map[string]*user // with messages in hand
	kept    []*user          // with a message that goes on later
	halted  bool             // nothing begins any more
	closed  bool
	running sync.WaitGroup
}

// New returns a worker. Run lets the worker work.
func New(c Config, d Deps) *Worker {
	return &Worker{config: c, deps: d, hand: newHand(c.Prefetch, c.AckWait), users: map[string]*user{}}
}

const (
	fetchWait  = time.Second            // of one fetch
	firstDelay = 250 * time.Millisecond // before a fetch after a failed one, at first
	lastDelay  = 5 * time.Second        // and at last
	lookPause  = 50 * time.Millisecond  // between two looks at whether activity may call
	failDelay  = time.Second            // before a message is delivered again after a failure of NATS
)

// Run takes events until ctx ends, or, in order, until messages may have come to another process
// for want of renewals. Then Run gives back the waiting events, and lets the rest come to an end
// within grace.
func (w *Worker) Run(ctx context.Context, grace time.Duration) {
	phases, end := mailbox.NewPhases(ctx, grace)
	defer end()
	w.phases = phases
	renewing, endRenewing := context.WithCancel(context.WithoutCancel(ctx))
	var renewal sync.WaitGroup
	renewal.Go(func() { w.hand.renew(renewing) })
	fetching, stop := context.WithCancel(ctx)
	defer stop()
	w.stop = stop
	w.fetch(fetching)
	w.close()
	w.running.Wait()
	endRenewing()
	renewal.Wait()
}

// fetch takes messages in as long as there is room for them and activity may call.
func (w *Worker) fetch(ctx context.Context) {
	for delay := firstDelay; ctx.Err() == nil; {
		n := w.hand.room(ctx)
		if n <= 0 || !w.deps.Allows() {
			pause.For(ctx, lookPause)
			if w.deps.Allows() {
				w.resume()
			}
			continue
		}
		w.resume()
		err := w.deps.Fetch(ctx, n, fetchWait, func(m Message) { w.accept(w.hand.take(m)) })
		if err == nil {
			delay = firstDelay
			continue
		}
		if ctx.Err() == nil {
			w.deps.Log.Warn().Err(err).Str("vendor", w.config.Vendor).Stringer("delay", delay).Msg("cannot fetch activity, trying again")
		}
		pause.For(ctx, delay)
		delay = min(2*delay, lastDelay)
	}
}

// settle ends a message for the consumer, or lets it be delivered again. A lost answer has
// the message delivered again. All other errors are failures of NATS.
func (w *Worker) settle(i *item, err error) {
	w.hand.drop(i)
	switch {
	case err == nil:
		if err = i.message.Ack(); err == nil {
			w.deps.Failures.Succeeded()
		}
	case errors.Is(err, mailbox.ErrNotMine): // the server delivers it again, or has done so
		if w.config.Ordered {
			w.halt()
		}
		return
	case errors.Is(err, context.Canceled): // at the end of the process
		err = nil
		if !w.config.Ordered {
			err = i.message.Nak(0)
		}
	default:
		err = errors.Join(err, i.message.Nak(failDelay))
	}
	if err != nil {
		w.deps.Failures.Failed(w.deps.Log, w.config.Vendor, err)
	}
}
