package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Lease is an acquired lease. The methods may be called concurrently.
type Lease struct {
	leases  *Leases
	subject string
	value   string

	writing  sync.Mutex // held during Renew and Release
	sequence uint64     // of the stored lease

	mu       sync.Mutex
	over     bool      // lost or released: never valid again
	until    time.Time // on the monotonic clock
	local    time.Time // a local time, and
	serverAt time.Time // the server's time at the same moment
}

// Valid reports whether the lease holds: less than 0.9 TTL ago, on the monotonic clock, the
// last successful renewal was sent. The rest is a margin for clocks of different speed.
func (l *Lease) Valid() bool { return time.Now().Before(l.Until()) }

// Until returns the end of the validity. A later Renew moves the end.
func (l *Lease) Until() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until
}

// ServerTime returns the server's time at the local time now. The offset is measured from
// the timestamp of the stored lease at Acquire and at each Renew, to within half a round trip.
func (l *Lease) ServerTime(now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.serverAt.Add(now.Sub(l.local))
}

// acquire publishes the lease for the first time. An error of the publish counts only if
// another lease is stored.
func (l *Lease) acquire(ctx context.Context) error {
	first, cancel := context.WithTimeout(ctx, l.leases.ttl/3)
	sent, err := l.publish(first)
	cancel()
	if err != nil {
		switch own, readErr := l.adopt(ctx); {
		case readErr != nil:
			return errors.Join(err, readErr)
		case !own && errors.Is(err, ErrStaleRevision):
			return fmt.Errorf("%w: another process was faster", ErrHeld)
		case !own:
			return err
		}
		l.extend(sent)
	}
	if err := l.measure(ctx, sent); err != nil {
		return errors.Join(err, l.Release(context.WithoutCancel(ctx)))
	}
	return nil
}

// Renew extends the lease. Call Renew every TTL/5. ErrLost ends the lease; after any other
// error the lease stays valid until Until, and Renew may be called again.
func (l *Lease) Renew(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if !l.Valid() {
		return fmt.Errorf("renew %s: %w", l.subject, ErrLost)
	}
	ctx, cancel := context.WithTimeout(ctx, l.leases.ttl/3)
	defer cancel()
	sent, err := l.publish(ctx)
	if errors.Is(err, ErrStaleRevision) { // perhaps an earlier renewal was stored without an answer
		own, readErr := l.adopt(ctx)
		if readErr != nil {
			return fmt.Errorf("read %s: %w", l.subject, readErr)
		}
		if !own {
			l.end()
			return fmt.Errorf("renew %s: %w", l.subject, ErrLost)
		}
		sent, err = l.publish(ctx)
	}
	if err != nil {
		return fmt.Errorf("renew %s: %w", l.subject, err)
	}
	_ = l.measure(ctx, sent) // the former measure still serves
	return nil
}

// Release gives the lease up, so that the next holder need not wait for the TTL. A lost lease
// is no error. Valid reports false from the moment of the call.
func (l *Lease) Release(ctx context.Context) error {
	l.end()
	l.writing.Lock()
	defer l.writing.Unlock()
	ctx, cancel := l.leases.client.call(ctx)
	defer cancel()
	err := l.clear(ctx)
	if errors.Is(err, ErrStaleRevision) {
		own, readErr := l.adopt(ctx)
		if readErr != nil || !own {
			return readErr
		}
		err = l.clear(ctx)
	}
	if err != nil {
		return fmt.Errorf("release %s: %w", l.subject, err)
	}
	return nil
}

// clear replaces the stored lease by an empty message.
func (l *Lease) clear(ctx context.Context) error {
	_, err := l.leases.publish(ctx, &nats.Msg{Subject: l.subject}, jetstream.WithExpectLastSequencePerSubject(l.sequence))
	return err
}

// publish stores the lease with the TTL and returns the time of the sending. A key-value
// update would drop the TTL, and the lease would never expire.
func (l *Lease) publish(ctx context.Context) (sent time.Time, err error) {
	sent = time.Now()
	ack, err := l.leases.publish(ctx, &nats.Msg{Subject: l.subject, Data: []byte(l.value)},
		jetstream.WithExpectLastSequencePerSubject(l.sequence), jetstream.WithMsgTTL(l.leases.ttl))
	if err != nil {
		return sent, err
	}
	l.sequence = ack.Sequence
	l.extend(sent)
	return sent, nil
}

// adopt reads the stored lease and reports whether the value is l's own. If so, the next
// publish expects the stored sequence.
func (l *Lease) adopt(ctx context.Context) (own bool, err error) {
	stored, err := l.leases.client.last(ctx, l.leases.stream, l.subject)
	if err != nil || stored == nil || string(stored.Data) != l.value {
		return false, err
	}
	l.sequence = stored.Sequence
	return true, nil
}

// measure compares the timestamp of the stored lease with the local time of the publish,
// between sent and now.
func (l *Lease) measure(ctx context.Context, sent time.Time) error {
	local := sent.Add(time.Since(sent) / 2)
	ctx, cancel := l.leases.client.call(ctx)
	defer cancel()
	stored, err := l.leases.stream.GetMsg(ctx, l.sequence)
	if err != nil {
		return fmt.Errorf("read the server's time: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.local, l.serverAt = local, stored.Time
	return nil
}

// extend moves the end of the validity to 0.9 TTL after sent, unless the lease is over: a
// renewal may be on the way during Release.
func (l *Lease) extend(sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.until = sent.Add(l.leases.ttl - l.leases.ttl/10)
	}
}

// end ends the validity for good.
func (l *Lease) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over, l.until = true, time.Time{}
}
