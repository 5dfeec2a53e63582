package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/usherhq/usher/internal/bus"
)

const (
	fetchWait  = time.Second            // how long one fetch waits for messages
	gather     = 5 * time.Millisecond   // how long room is gathered before a small fetch
	reopenSoon = 250 * time.Millisecond // between tries to open a lane, at first
	reopenLate = 5 * time.Second        // and at last
)

// Lane is where deliveries come from.
type Lane interface {
	// Fetch hands up to n messages to take, for as long as wait.
	Fetch(n int, wait time.Duration, take func(Message)) error
	// HandOver lets another process have the lane at once.
	HandOver(ctx context.Context) error
	// Delivered hands over, as the stream has them, the messages of the lane behind
	// the sequence after that were delivered to anyone and may not be acknowledged
	// yet. It returns the sequence up to which that holds.
	Delivered(ctx context.Context, after uint64, take func(Message)) (upTo uint64, err error)
}

// OnBus returns the Open of a durable consumer on the bus.
func OnBus(b *bus.Bus, c bus.LaneConfig) Open {
	return func(ctx context.Context) (Lane, error) {
		lane, err := b.Lane(ctx, c)
		return busLane{lane}, err
	}
}

type busLane struct{ *bus.Lane }

func (l busLane) Fetch(n int, wait time.Duration, take func(Message)) error {
	return l.Lane.Fetch(n, wait, func(m *bus.Message) { take(m) })
}

func (l busLane) Delivered(ctx context.Context, after uint64, take func(Message)) (uint64, error) {
	return l.Lane.Delivered(ctx, after, func(m *bus.Message) { take(m) })
}

// Open opens one of a vendor's lanes, and makes its consumer where it is not there.
type Open func(ctx context.Context) (Lane, error)

// Run serves the lanes until ctx ends. Then it fetches no more, gives back what
// has not begun, and lets what has begun come to its end for as long as grace:
// three quarters in, vendor calls are cut, and what is known of them is written
// down.
func (w *Worker) Run(ctx context.Context, grace time.Duration, lanes ...Open) {
	record, endRecord := context.WithCancel(context.WithoutCancel(ctx))
	calls, endCalls := context.WithCancel(record)
	var renewing sync.WaitGroup
	renewing.Go(func() { w.gate.watch(calls, w.trial) })
	defer renewing.Wait()
	defer endRecord()
	defer endCalls()

	var served sync.WaitGroup
	last := make([]Lane, len(lanes)) // as they were when fetching ended
	for i, open := range lanes {
		hold := newHolding(w.config.Prefetch, w.config.Ceiling)
		renewing.Go(func() { hold.renew(record, w.config.AckWait) })
		take := func(lane Lane, m Message) { w.accept(ctx, calls, record, lane, m, hold) }
		served.Go(func() { last[i] = w.serve(ctx, open, hold, take) })
	}
	served.Wait()
	defer time.AfterFunc(grace*3/4, endCalls).Stop()
	defer time.AfterFunc(grace, endRecord).Stop()
	w.queue.close()
	w.handOver(record, last)
}

// handOver lets other processes have the lanes, now that nothing of them is left
// here: earlier, they would go on with newer events of the same users.
func (w *Worker) handOver(ctx context.Context, lanes []Lane) {
	for _, lane := range lanes {
		if lane == nil || ctx.Err() != nil {
			continue
		}
		if err := lane.HandOver(ctx); err != nil {
			w.deps.Log.Warn().Err(err).Str("vendor", w.vendor.Name).Msg("another process takes over later, by itself")
		}
	}
}

// serve keeps one lane open and takes what comes in on it, until ctx ends; then
// it returns the lane.
func (w *Worker) serve(ctx context.Context, open Open, hold *holding, take func(Lane, Message)) Lane {
	for wait := reopenSoon; ; wait = min(2*wait, reopenLate) {
		lane, err := open(ctx)
		if err == nil {
			wait = reopenSoon
			if err = w.pull(ctx, lane, hold, func(m Message) { take(lane, m) }); err == nil {
				return lane
			}
			hold.unpinned() // it may be another's when the server is back
		}
		if ctx.Err() == nil {
			w.deps.Log.Warn().Err(err).Str("vendor", w.vendor.Name).Msg("cannot fetch, trying again")
		}
		pause(ctx, wait)
		if ctx.Err() != nil {
			return nil
		}
	}
}

// pause waits for as long, or until ctx ends.
func pause(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// pull fetches from an open lane until it fails, or until ctx ends, which is no error.
func (w *Worker) pull(ctx context.Context, lane Lane, hold *holding, take func(Message)) error {
	fetch := func(n int) error {
		err := lane.Fetch(n, fetchWait, take)
		if errors.Is(err, bus.ErrUnpinned) {
			hold.unpinned()
			err = nil
		}
		return err
	}
	for {
		w.gate.wait(ctx)
		// A pinned lane that does not ask for long is given to another process, so
		// one message more is asked for now and then even where there is no room.
		n := max(1, hold.wait(ctx, w.config.AckWait/3))
		if ended(ctx) {
			return nil
		}
		if err := fetch(n); err != nil {
			return err
		}
	}
}

func ended(ctx context.Context) bool { return ctx.Err() != nil }

// accept takes a delivery in, and queues it behind those of the same user. What
// others had of the lane is read for as long as ctx.
func (w *Worker) accept(ctx, calls, record context.Context, lane Lane, m Message, hold *holding) {
	hold.take(m)
	known := w.catchUp(ctx, lane, m.At())
	t := w.read(m)
	t.tenure = hold.current()
	if known != nil {
		w.trouble(t, known)
		w.close(t, again(unwell), hold)
		return
	}
	w.queue.put(t, func(t *task, s slot) {
		w.close(t, w.process(calls, record, t, s), hold)
	}, func(t *task) {
		w.stragglers.add(t)
		w.close(t, again(0), hold)
	})
}

// close settles a delivery with the server. An ack or a negative ack that does
// not arrive means that the message comes again, and that the ledger knows it.
func (w *Worker) close(t *task, s settlement, hold *holding) {
	hold.free(t.message)
	var err error
	switch {
	case s.ack:
		err = t.message.Ack()
	case s.nak:
		err = t.message.Nak(s.delay)
	}
	if err != nil {
		w.trouble(t, err)
	}
}
