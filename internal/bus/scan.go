package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// idleReading is how long the server keeps the consumer of a reading that has
// ended: whoever looks at the consumers would take it for a backlog.
const idleReading = 10 * time.Second

// reading is how a stream is read from front to end.
type reading struct {
	stream   string
	consumer jetstream.OrderedConsumerConfig
	follow   bool // wait for further messages at the end
}

// scan calls yield with each message, oldest first, until it returns false,
// until the end of the stream where the reading does not follow it, or until ctx
// ends, whose error it then returns.
func (b *Bus) scan(ctx context.Context, r reading, yield func(jetstream.Msg) bool) error {
	read := b.read
	if r.follow {
		read = b.follow
	}
	if err := read(ctx, r, yield); err != nil {
		return fmt.Errorf("read %s: %w", r.stream, err)
	}
	return nil
}

const (
	readAtOnce = 500                    // how many messages are asked for at a time
	quietTime  = 100 * time.Millisecond // after which it is asked whether more will come
)

// errEnough ends a reading whose reader has what it wants, or all that there is.
var errEnough = errors.New("enough")

// read reads to the end, by asking for what is known to be there. (A subscription
// that is kept filled, as for following, now and then starts seconds late.)
func (b *Bus) read(ctx context.Context, r reading, yield func(jetstream.Msg) bool) error {
	limit, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	consumer, err := b.js.CreateConsumer(limit, r.stream, r.once())
	if err != nil {
		return err
	}
	turn, came := uint64(0), time.Now()
	left := consumer.CachedInfo().NumPending
	take := func(m jetstream.Msg) error {
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if turn, came = turn+1, time.Now(); meta.Sequence.Consumer != turn {
			return errors.New("messages were lost on the way")
		}
		if left = meta.NumPending; !yield(m) || left == 0 {
			return errEnough
		}
		return nil
	}
	quiet := func() error { // what was there may have been deleted since
		limit, cancel := context.WithTimeout(ctx, CallTimeout)
		defer cancel()
		info, err := consumer.Info(limit)
		switch {
		case err != nil:
			return err
		case info.NumPending == 0 && info.Delivered.Consumer == turn:
			return errEnough
		case time.Since(came) > CallTimeout:
			return fmt.Errorf("nothing came within %s", CallTimeout)
		}
		return nil
	}
	for err == nil && left > 0 {
		err = fetch(ctx, consumer, int(min(left, readAtOnce)), take, quiet)
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return cmp.Or(err, ctx.Err())
}

// fetch asks for n messages that are there, hands each to take, and calls quiet as
// often as none came for a while, until one of them returns an error, which it returns.
func fetch(ctx context.Context, consumer jetstream.Consumer, n int, take func(jetstream.Msg) error, quiet func() error) error {
	asking, cancel := context.WithCancel(ctx)
	defer cancel() // nobody waits for the rest
	batch, err := consumer.Fetch(n, jetstream.FetchContext(asking))
	if err != nil {
		return err
	}
	silence := time.NewTicker(quietTime)
	defer silence.Stop()
	for {
		select {
		case m, more := <-batch.Messages():
			if !more {
				return batch.Error()
			}
			err = take(m)
			silence.Reset(quietTime)
		case <-silence.C:
			err = quiet()
		}
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
	}
}

// once is a consumer for one reading.
func (r reading) once() jetstream.ConsumerConfig {
	c := r.consumer
	return jetstream.ConsumerConfig{
		DeliverPolicy: c.DeliverPolicy, OptStartSeq: c.OptStartSeq, OptStartTime: c.OptStartTime, FilterSubjects: c.FilterSubjects,
		HeadersOnly: c.HeadersOnly, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: idleReading,
	}
}

// follow reads to the end, and on from there.
func (b *Bus) follow(ctx context.Context, r reading, yield func(jetstream.Msg) bool) error {
	r.consumer.InactiveThreshold = idleReading
	consumer, err := b.js.OrderedConsumer(ctx, r.stream, r.consumer)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		switch {
		case errors.Is(err, jetstream.ErrNoHeartbeat): // the connection is being made again
		case err != nil:
			return err
		case !yield(m):
			return nil
		}
	}
}
