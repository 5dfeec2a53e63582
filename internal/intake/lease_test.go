package intake_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/intake"
)

// lease is a lease of the process.
type lease struct {
	connection

	mu    sync.Mutex
	until time.Time
}

func (c connection) acquire(ctx context.Context) (intake.Lease, error) {
	for {
		sent := time.Now()
		free := false
		err := c.ask(func() error {
			free = c.lease == "" || c.lease == c.process.name || time.Now().After(c.expiry)
			if free {
				c.lease, c.expiry = c.process.name, time.Now().Add(leaseTTL)
			}
			return nil
		})
		switch {
		case err != nil:
			return nil, err
		case free:
			return &lease{connection: c, until: sent.Add(leaseTTL * 9 / 10)}, nil
		}
		time.Sleep(50 * time.Millisecond)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

func (l *lease) Renew(context.Context) error {
	sent := time.Now()
	return l.ask(func() error {
		if l.lease != l.process.name {
			return errors.New("the lease is another's")
		}
		l.expiry = time.Now().Add(leaseTTL)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.until = sent.Add(leaseTTL * 9 / 10)
		return nil
	})
}

func (l *lease) Until() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until
}

func (l *lease) ServerTime(now time.Time) time.Time { return now.Add(l.offset) }

func (l *lease) Release(context.Context) error {
	return l.ask(func() error {
		if l.lease == l.process.name {
			l.lease = ""
		}
		return nil
	})
}

// loseOwnership empties the bucket of ownership.
func (s *server) loseOwnership() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.position, s.swept = 0, events.Position{}, ""
}

// RaiseToken and the methods behind it are the state that owners hand on.
func (c connection) RaiseToken(_ context.Context, floor uint64) (token uint64, err error) {
	err = c.ask(func() error {
		c.token = max(c.token, floor) + 1
		token = c.token
		return nil
	})
	return token, err
}

func (c connection) Position(context.Context) (p events.Position, err error) {
	err = c.ask(func() error { p = c.position; return nil })
	return p, err
}

func (c connection) Commit(_ context.Context, p events.Position) error {
	return c.ask(func() error {
		if c.position.Before(p) {
			c.position = p
		}
		return nil
	})
}

func (c connection) Swept(context.Context) (nonce string, err error) {
	err = c.ask(func() error { nonce = c.swept; return nil })
	return nonce, err
}

func (c connection) SetSwept(_ context.Context, nonce string) error {
	return c.ask(func() error { c.swept = nonce; return nil })
}
