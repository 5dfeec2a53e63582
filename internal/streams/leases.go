package streams

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// DefaultLeaseTTL is the default lifetime of a lease without a renewal.
const DefaultLeaseTTL = 5 * time.Second

// Leases are the leases of the vendors, each a message in LEASES. The server counts the TTL;
// no clocks of clients are compared.
type Leases struct {
	client Client
	stream jetstream.Stream
	ttl    time.Duration
}

// OpenLeases opens LEASES. The TTL is in whole seconds, at least 1 s, since the server rounds
// down to seconds; zero is DefaultLeaseTTL.
func OpenLeases(ctx context.Context, c Client, ttl time.Duration) (*Leases, error) {
	if ttl == 0 {
		ttl = DefaultLeaseTTL
	}
	if ttl < time.Second || ttl%time.Second != 0 {
		return nil, fmt.Errorf("a lease of %s: the server counts whole seconds, at least one", ttl)
	}
	stream, err := c.stream(ctx, c.Names.WithDefaults().Leases)
	if err != nil {
		return nil, err
	}
	return &Leases{client: c, stream: stream, ttl: ttl}, nil
}

// publish stores a message in LEASES.
func (l *Leases) publish(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	return l.client.Publish(ctx, l.client.Names.WithDefaults().Leases, m, opts...)
}

// Acquire takes the lease of a vendor for a holder, the name of a process in errors. Acquire
// returns ErrHeld while another holder has the lease, and also after an earlier Acquire of the
// same process that was stored late, without an answer: the TTL ends the wait.
func (l *Leases) Acquire(ctx context.Context, vendor, holder string) (*Lease, error) {
	lease, err := l.newLease(vendor, holder)
	if err != nil {
		return nil, err
	}
	stored, err := l.client.last(ctx, l.stream, lease.subject)
	if err != nil {
		return nil, fmt.Errorf("read lease of %s: %w", vendor, err)
	}
	if stored != nil && !isFree(stored.Data) {
		return nil, fmt.Errorf("lease of %s: %w: %s", vendor, ErrHeld, holderOf(stored.Data))
	}
	if stored != nil {
		lease.sequence = stored.Sequence // a marker counts as a message of the subject
	}
	if err := lease.acquire(ctx); err != nil {
		return nil, fmt.Errorf("acquire lease of %s: %w", vendor, err)
	}
	return lease, nil
}

// Holder returns the holder of a vendor's lease, or nothing if nobody holds the lease.
func (l *Leases) Holder(ctx context.Context, vendor string) (string, error) {
	stored, err := l.client.last(ctx, l.stream, l.client.Names.WithDefaults().LeaseSubject+"."+vendor)
	if err != nil {
		return "", fmt.Errorf("read lease of %s: %w", vendor, err)
	}
	if stored == nil || isFree(stored.Data) {
		return "", nil
	}
	return string(holderOf(stored.Data)), nil
}

// newLease returns a lease not held yet. The value is unique, so that the stored value shows
// whether a publish without an answer was applied.
func (l *Leases) newLease(vendor, holder string) (*Lease, error) {
	if err := checkToken("vendor", vendor); err != nil {
		return nil, err
	}
	subject := l.client.Names.WithDefaults().LeaseSubject + "." + vendor
	return &Lease{leases: l, subject: subject, value: holder + " " + rand.Text()}, nil
}

// holderOf returns the holder in a stored lease.
func holderOf(value []byte) []byte { return value[:max(0, bytes.LastIndexByte(value, ' '))] }

// isFree reports whether a stored lease is a marker of expiry or of release.
func isFree(value []byte) bool { return len(value) == 0 }
