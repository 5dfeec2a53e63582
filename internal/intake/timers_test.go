package intake_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/intake"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
)

type wake struct {
	seq    uint64
	inHand time.Time // until then
	token  uint64
}

// purgeTimers removes all timers and wakes, as an operator might.
func (s *server) purgeTimers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.timers {
		t.Stop()
	}
	s.timers, s.wakes, s.sentinel = map[string]*time.Timer{}, map[string]*wake{}, ""
}

func (c connection) plant(context.Context) (nonce string, err error) {
	err = c.ask(func() error {
		if c.sentinel == "" {
			c.sentinels++
			c.sentinel = fmt.Sprint("sentinel ", c.sentinels)
		}
		nonce = c.sentinel
		return nil
	})
	return nonce, err
}

func (c connection) unfinished(_ context.Context, yield func(string) error) error {
	return c.list(record.Unfinished, yield)
}

func (c connection) heldDeletions(_ context.Context, yield func(string) error) error {
	isHeld := func(e record.Effect) bool { return e.Held }
	return c.list(func(r *record.Record) bool { return slices.ContainsFunc(r.Pending, isHeld) }, yield)
}

// list calls yield with the keys of the records that match.
func (c connection) list(match func(*record.Record) bool, yield func(string) error) error {
	var keys []string
	err := c.ask(func() error {
		for key, b := range c.records {
			if r, err := record.Decode(b); err != nil || match(r) {
				keys = append(keys, key)
			}
		}
		return nil
	})
	for _, key := range keys {
		if err == nil {
			err = yield(key)
		}
	}
	return err
}

// timers sets timers under one token.
type timers struct {
	connection
	token uint64
}

func (t timers) Arm(_ context.Context, user string, due time.Time) error {
	return t.ask(func() error {
		if t.timersAway {
			return errAway
		}
		key := fmt.Sprint(user, " ", t.token)
		if old := t.timers[key]; old != nil {
			old.Stop()
		}
		t.armed++
		t.timers[key] = time.AfterFunc(time.Until(due.Add(-t.offset))+t.random.span(100*time.Millisecond), func() { t.fire(user) })
		return nil
	})
}

// fire turns a timer into a wake. A wake of the user that nobody has taken is replaced.
func (s *server) fire(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakeSeq++
	s.wakes[user] = &wake{seq: s.wakeSeq}
}

// wakes takes wakes under one token.
type wakes struct {
	connection
	token uint64
}

// noWakes has no wakes.
type noWakes struct{}

func (noWakes) Next(ctx context.Context, _ int) ([]intake.Wake, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (noWakes) Close(context.Context) {}

// openWakes opens the consumer of wakes. There is no activity.
func (c connection) openWakes(_ context.Context, token uint64, class mailbox.Class) (intake.Wakes, error) {
	if class == mailbox.Activity {
		return noWakes{}, nil
	}
	err := c.ask(func() error {
		if c.wakeOwner > token {
			return intake.ErrNewerOwner
		}
		c.wakeOwner = token
		return nil
	})
	return wakes{c, token}, err
}

func (w wakes) Next(ctx context.Context, limit int) (list []intake.Wake, err error) {
	err = w.poll(ctx, 25*time.Millisecond, func() (bool, error) {
		if w.wakeOwner != w.token {
			return false, intake.ErrNewerOwner
		}
		for user, one := range w.wakes {
			if len(list) < limit && (one.token != w.token || time.Now().After(one.inHand)) {
				one.token, one.inHand = w.token, time.Now().Add(ackWait)
				list = append(list, intake.Wake{User: user, Ack: w.ack(user, one.seq)})
			}
		}
		return len(list) > 0, nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Close ends the consumer: wakes in hand come again at once.
func (w wakes) Close(context.Context) {
	_ = w.ask(func() error {
		for _, one := range w.wakes {
			if one.token == w.token {
				one.inHand = time.Time{}
			}
		}
		return nil
	})
}

// ack returns the acknowledgement of a wake. It is void once the consumer is another's, and
// does not touch a newer wake of the user.
func (w wakes) ack(user string, seq uint64) func() {
	return func() {
		_ = w.ask(func() error {
			if one := w.wakes[user]; one != nil && one.seq == seq && w.wakeOwner == w.token {
				delete(w.wakes, user)
			}
			return nil
		})
	}
}
