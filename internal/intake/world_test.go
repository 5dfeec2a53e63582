package intake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/intake"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// The environment of the property test: a model of the streams, the lease, the timers and
// the record store, and processes that die or sleep at any operation. All of it runs on
// virtual time.

const (
	callTimeout = time.Second
	callLease   = 1500 * time.Millisecond
	leaseTTL    = 2 * time.Second
	ackWait     = 30 * time.Second
)

var (
	errDead = errors.New("this process is dead")
	errAway = errors.New("nats does not answer")
)

// process is one worker process. It dies or sleeps at one of its operations.
type process struct {
	name   string
	cancel context.CancelFunc

	mu     sync.Mutex
	ops    int
	dead   bool
	dieAt  int                   // the operation at which it dies; 0: never
	after  bool                  // whether that operation still has its effect
	sleeps map[int]time.Duration // operations before which the whole process sleeps
	until  time.Time             // the end of a sleep
}

// do carries out one operation of the process, unless it is dead.
func (p *process) do(effect func() error) error {
	p.mu.Lock()
	p.ops++
	n := p.ops
	if d := p.sleeps[n]; d > 0 {
		p.until = time.Now().Add(d)
	}
	sleep := time.Until(p.until)
	p.mu.Unlock()
	time.Sleep(max(0, sleep) + time.Duration(n%4)*time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.dead:
		return errDead
	case p.dieAt != 0 && n >= p.dieAt:
		p.dead = true
		p.cancel()
		if p.after {
			_ = effect()
		}
		return errDead
	}
	return effect()
}

// random is a seeded source of random numbers, shared by all.
type random struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (c *random) hit(p float64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.Float64() < p
}

func (c *random) span(d time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.rng.Int64N(int64(d) + 1))
}

// server is the NATS server.
type server struct {
	random  *random
	outages []window      // in which it does not answer
	offset  time.Duration // of its clock to that of the processes
	first   uint64        // sequence of the first event that is still stored

	mu        sync.Mutex
	events    []mailbox.Message
	records   map[string][]byte
	revisions map[string]uint64
	largest   int // record that was stored
	// recordsAway says that no record can be read or stored.
	recordsAway bool

	lease  string // the holder
	expiry time.Time
	token  uint64

	position events.Position
	swept    string

	timers    map[string]*time.Timer // by user and token
	wakes     map[string]*wake       // by user
	wakeSeq   uint64
	wakeOwner uint64 // token of the consumer of wakes
	sentinel  string
	sentinels int
	armed     int // timers that were set
}

type window struct{ from, to time.Time }

func (w window) contains(t time.Time) bool { return t.After(w.from) && t.Before(w.to) }

type wake struct {
	seq    uint64
	inHand time.Time // until then
	token  uint64
}

func newServer(c *random) *server {
	return &server{
		random: c, records: map[string][]byte{}, revisions: map[string]uint64{},
		timers: map[string]*time.Timer{}, wakes: map[string]*wake{},
	}
}

func (s *server) publish(at time.Time, subject string, header map[string][]string, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, mailbox.Message{
		Stream: "EVENTS", Position: events.Position{Epoch: 1, Seq: uint64(len(s.events) + 1)},
		Subject: subject, Header: header, Payload: payload, Stored: at,
	})
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

// pending returns the number of records with pending effects.
func (s *server) pending() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.records {
		if r, err := record.Decode(b); err != nil || len(r.Pending) > 0 {
			n++
		}
	}
	return n
}

// connection is the server as one process reaches it.
type connection struct {
	*server
	process *process
	lose    float64 // share of answers that are lost
}

// poll carries out one request again and again for a second, until found reports that its
// effect found something. The answer of the whole may be lost once.
func (c connection) poll(ctx context.Context, every time.Duration, effect func() (found bool, err error)) error {
	lost, found := c.random.hit(c.lose), false
	c.lose = 0
	for end := time.Now().Add(time.Second); !found && time.Now().Before(end) && ctx.Err() == nil; time.Sleep(every) {
		err := c.ask(func() (err error) {
			found, err = effect()
			return err
		})
		if err != nil {
			return err
		}
	}
	if lost {
		return errAway
	}
	return nil
}

// ask carries out one request. An answer may be lost.
func (c connection) ask(effect func() error) error {
	return c.process.do(func() error {
		for _, w := range c.outages {
			if w.contains(time.Now()) {
				return errAway
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.random.hit(c.lose / 2) {
			return errAway
		}
		if err := effect(); err != nil {
			return err
		}
		if c.random.hit(c.lose) {
			return errAway
		}
		return nil
	})
}

// Load and Store are the bucket of records.
func (c connection) Load(_ context.Context, key string) (value []byte, revision uint64, err error) {
	err = c.ask(func() error {
		if c.recordsAway {
			return errAway
		}
		value, revision = bytes.Clone(c.records[key]), c.revisions[key]
		return nil
	})
	return value, revision, err
}

func (c connection) Store(_ context.Context, key string, value []byte, revision uint64) (stored uint64, err error) {
	err = c.ask(func() error {
		if c.recordsAway {
			return errAway
		}
		if c.revisions[key] != revision {
			return mailbox.ErrConflict
		}
		c.records[key] = bytes.Clone(value)
		c.revisions[key]++
		c.largest = max(c.largest, len(value))
		stored = c.revisions[key]
		return nil
	})
	return stored, err
}

// Get reads an event.
func (c connection) Get(_ context.Context, p events.Position) (m mailbox.Message, err error) {
	err = c.ask(func() error {
		if p.Seq == 0 || p.Seq < c.first || int(p.Seq) > len(c.events) {
			return mailbox.ErrGone
		}
		m = c.events[p.Seq-1]
		return nil
	})
	return m, err
}

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

// The state that owners hand on.

func (c connection) RaiseToken(context.Context) (token uint64, err error) {
	err = c.ask(func() error {
		c.token++
		token = c.token
		return nil
	})
	return token, err
}

func (c connection) Position(context.Context) (p events.Position, err error) {
	err = c.ask(func() error { p = c.position; return nil })
	return p, err
}

func (c connection) Commit(_ context.Context, p events.Position) (committed events.Position, err error) {
	err = c.ask(func() error {
		if c.position.Before(p) {
			c.position = p
		}
		committed = c.position
		return nil
	})
	return committed, err
}

func (c connection) Swept(context.Context) (nonce string, err error) {
	err = c.ask(func() error { nonce = c.swept; return nil })
	return nonce, err
}

func (c connection) SetSwept(_ context.Context, nonce string) error {
	return c.ask(func() error { c.swept = nonce; return nil })
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
	var keys []string
	err := c.ask(func() error {
		for key, b := range c.records {
			if r, err := record.Decode(b); err == nil && len(r.Pending)+len(r.Finished) > 0 {
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

// reader reads the stream of events.
type reader struct {
	connection
	next uint64
}

func (c connection) read(_ context.Context, _ uint64, from events.Position) (intake.Reader, error) {
	return &reader{connection: c, next: from.Seq + 1}, c.ask(func() error { return nil })
}

func (r *reader) Next(ctx context.Context, limit int) (list []mailbox.Message, err error) {
	err = r.poll(ctx, 15*time.Millisecond, func() (bool, error) {
		for _, m := range r.events[min(r.next-1, uint64(len(r.events))):] {
			if len(list) == limit || m.Stored.After(time.Now()) {
				break
			}
			if m.Position.Seq >= r.first {
				list = append(list, m)
			}
		}
		return len(list) > 0, nil
	})
	if err != nil {
		return nil, err // lost on the way: they are read again
	}
	if len(list) > 0 {
		r.next = list[len(list)-1].Position.Seq + 1
	}
	return list, ctx.Err()
}

func (r *reader) Close(context.Context) {}

// timers sets timers under one token.
type timers struct {
	connection
	token uint64
}

func (t timers) Arm(_ context.Context, user string, due time.Time) error {
	return t.ask(func() error {
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

func (c connection) openWakes(_ context.Context, token uint64) (intake.Wakes, error) {
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

// published holds results by id, and dead letters.
type published struct {
	mu      sync.Mutex
	results map[string]string // id → content
	data    map[string]events.Result
	changed []string // contents that were published with the same id
	dead    map[string]bus.DeadLetter
	buried  int // dead letters, with repeats
}

// publisher publishes for one process.
type publisher struct {
	out *published
	connection
}

func (v publisher) Publish(_ context.Context, _ string, e events.Event) error {
	_, payload, err := events.ToNATS(e)
	if err != nil {
		return err
	}
	var r events.Result
	if err := json.Unmarshal(e.Data(), &r); err != nil {
		return err
	}
	return v.ask(func() error {
		v.out.mu.Lock()
		defer v.out.mu.Unlock()
		if was, ok := v.out.results[e.ID()]; ok && was != string(payload) {
			v.out.changed = append(v.out.changed, was+" then "+string(payload))
		}
		v.out.results[e.ID()], v.out.data[e.ID()] = string(payload), r
		return nil
	})
}

func (v publisher) Bury(_ context.Context, d bus.DeadLetter) error {
	return v.ask(func() error {
		v.out.mu.Lock()
		defer v.out.mu.Unlock()
		v.out.dead[d.Key] = d
		v.out.buried++
		return nil
	})
}

func (v publisher) Settle(_ context.Context, _, _, key string, _ int) error {
	return v.ask(func() error {
		v.out.mu.Lock()
		defer v.out.mu.Unlock()
		delete(v.out.dead, key)
		return nil
	})
}
