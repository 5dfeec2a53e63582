package worker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/internal/worker"
	"github.com/usherhq/usher/vendors"
)

// The world of the property test: a model of JetStream's rules (explicit acks,
// AckWait, delayed negative acks, late acks that count), of the ledger's store,
// and of a vendor that promises nothing. All of it runs on virtual time.

const (
	ackWait     = 3 * time.Second
	callTimeout = time.Second
	callLease   = 1500 * time.Millisecond
)

var errDead = errors.New("this process is dead")

// process is one worker process: it dies, or sleeps, at an operation of its own.
type process struct {
	name   string
	cancel context.CancelFunc

	mu     sync.Mutex
	ops    int
	dead   bool
	dieAt  int                   // the operation at which it dies; 0: never
	after  bool                  // whether that operation still has its effect
	sleeps map[int]time.Duration // operations before which all of it is paused
	until  time.Time             // the end of a pause
}

// do carries out one operation of the process, unless it is dead.
func (p *process) do(effect func() error) error {
	p.mu.Lock()
	p.ops++
	n := p.ops
	if nap := p.sleeps[n]; nap > 0 {
		p.until = time.Now().Add(nap)
	}
	pause := time.Until(p.until)
	p.mu.Unlock()
	time.Sleep(max(0, pause) + time.Duration(n%4)*time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errDead
	}
	if p.dieAt != 0 && n >= p.dieAt {
		p.dead = true
		p.cancel()
		if p.after {
			_ = effect()
		}
		return errDead
	}
	return effect()
}

// chance is a seeded coin, shared by all, and the times when NATS is away.
type chance struct {
	mu   sync.Mutex
	rng  *rand.Rand
	away []outageOfNATS
}

// outageOfNATS is when NATS does not answer: nothing of it, or only the ledger's
// bucket.
type outageOfNATS struct {
	from, to time.Time
	ledger   bool
}

var errAway = errors.New("nats is away")

// nats carries out what needs NATS, or its bucket.
func (c *chance) nats(ledger bool, effect func() error) error {
	for _, a := range c.away {
		if now := time.Now(); (ledger || !a.ledger) && now.After(a.from) && now.Before(a.to) {
			return errAway
		}
	}
	return effect()
}

func (c *chance) hit(p float64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.Float64() < p
}

func (c *chance) span(d time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.rng.Int64N(int64(d) + 1))
}

// stream is a stream with one durable consumer.
type stream struct {
	name   string
	pinned bool
	luck   *chance
	deaf   float64 // share of in-progress signals that do not arrive

	mu     sync.Mutex
	msgs   []*stored
	owner  *process
	former *process  // the one before, until it has heard
	pins   int       // how often there was a new owner
	turns  uint64    // deliveries
	asked  time.Time // when the owner last asked
}

type stored struct {
	seq        uint64
	subject    string
	header     map[string][]string
	payload    []byte
	at         time.Time
	acked      bool
	until      time.Time // not to be delivered before
	deliveries uint64
}

func (s *stream) publish(at time.Time, subject string, header map[string][]string, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.msgs = append(s.msgs, &stored{seq: uint64(len(s.msgs) + 1), subject: subject, header: header, payload: payload, at: at})
}

func (s *stream) unacked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, m := range s.msgs {
		if !m.acked {
			n++
		}
	}
	return n
}

// pause returns the time between two looks at the stream. While every message is
// acknowledged the looks are rare: they find nothing, and are most of the test's work.
func (s *stream) pause() time.Duration {
	if s.unacked() == 0 {
		return 150 * time.Millisecond
	}
	return 15 * time.Millisecond
}

// ready marks up to n messages as delivered to p and returns them; an error
// where the lane was taken from it.
func (s *stream) ready(p *process, n int) (out []*delivery, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.pinned && s.owner != p && s.owner != nil && now.Sub(s.asked) < ackWait {
		if s.former == p {
			s.former, err = nil, bus.ErrUnpinned
		}
		return nil, err
	}
	if s.owner != p {
		s.pins++
		s.former = s.owner
	}
	s.owner, s.asked = p, now
	for _, m := range s.msgs {
		if len(out) == n {
			break
		}
		if m.acked || m.at.After(now) || m.until.After(now) {
			continue
		}
		m.deliveries++
		s.turns++
		m.until = now.Add(ackWait)
		d := &delivery{stream: s, stored: m, process: p, number: m.deliveries, turn: s.turns}
		if s.pinned {
			d.pin = fmt.Sprint("pin ", s.pins)
		}
		out = append(out, d)
	}
	return out, nil
}

// delivered returns the messages behind after that were delivered to anyone and
// are not below the first one that is not acknowledged.
func (s *stream) delivered(p *process, after uint64) (list []*delivery, upTo uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	floor := true
	for _, m := range s.msgs {
		if m.deliveries > 0 {
			upTo = m.seq
		}
	}
	for _, m := range s.msgs {
		floor = floor && m.acked
		if !floor && m.seq > after && m.seq <= upTo {
			list = append(list, &delivery{stream: s, stored: m, process: p})
		}
	}
	return list, upTo
}

// lane is a process' view of a stream.
type lane struct {
	stream  *stream
	process *process
	lose    float64 // share of deliveries that are lost on the way
}

func (l lane) Fetch(n int, wait time.Duration, take func(worker.Message)) error {
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(l.stream.pause()) {
		var got []*delivery
		err := l.process.do(func() error {
			return l.stream.luck.nats(false, func() (err error) { got, err = l.stream.ready(l.process, n); return err })
		})
		if err != nil {
			return err
		}
		for _, d := range got {
			if !l.stream.luck.hit(l.lose) {
				take(d)
			}
		}
		if n -= len(got); n == 0 {
			return nil
		}
	}
	return nil
}

func (l lane) HandOver(context.Context) error { return nil }

func (l lane) Delivered(_ context.Context, after uint64, take func(worker.Message)) (upTo uint64, err error) {
	var list []*delivery
	err = l.process.do(func() error {
		return l.stream.luck.nats(false, func() error { list, upTo = l.stream.delivered(l.process, after); return nil })
	})
	if err == nil && l.stream.luck.hit(l.lose) {
		err = errAway
	}
	for _, d := range list {
		take(d)
	}
	return upTo, err
}

// delivery is one delivery of a message to a process.
type delivery struct {
	stream  *stream
	stored  *stored
	process *process
	number  uint64
	turn    uint64
	pin     string
}

func (d *delivery) Subject() string             { return d.stored.subject }
func (d *delivery) Header() map[string][]string { return d.stored.header }
func (d *delivery) Payload() []byte             { return d.stored.payload }

func (d *delivery) At() bus.Place {
	return bus.Place{Stream: d.stream.name, Epoch: 1, Seq: d.stored.seq, Delivery: d.number, Time: d.stored.at, Turn: d.turn, Pin: d.pin}
}

// tell does to the message what an ack of any delivery does: the server looks
// at the message only, however late the ack is.
func (d *delivery) tell(effect func(*stored)) error {
	return d.process.do(func() error {
		return d.stream.luck.nats(false, func() error {
			d.stream.mu.Lock()
			defer d.stream.mu.Unlock()
			if !d.stored.acked {
				effect(d.stored)
			}
			return nil
		})
	})
}

func (d *delivery) Ack() error { return d.tell(func(m *stored) { m.acked = true }) }

func (d *delivery) Nak(delay time.Duration) error {
	return d.tell(func(m *stored) { m.until = time.Now().Add(delay) })
}

func (d *delivery) Renew(context.Context) error {
	if d.stream.luck.hit(d.stream.deaf) {
		return errors.New("no answer in time")
	}
	return d.tell(func(m *stored) { m.until = time.Now().Add(ackWait) })
}

// store is the ledger's bucket, as the process reaches it.
type store struct {
	*bucket
	process *process
	luck    *chance
	lose    float64 // share of saves whose answer is lost
}

type bucket struct {
	mu        sync.Mutex
	records   map[string][]byte
	revisions map[string]uint64
}

func (s store) Load(_ context.Context, key string) (record []byte, revision uint64, err error) {
	err = s.process.do(func() error {
		return s.luck.nats(true, func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			record, revision = s.records[key], s.revisions[key]
			return nil
		})
	})
	return record, revision, err
}

func (s store) Save(_ context.Context, key string, record []byte, revision uint64) (saved uint64, err error) {
	err = s.process.do(func() error {
		return s.luck.nats(true, func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.revisions[key] != revision {
				return ledger.ErrConflict
			}
			s.records[key] = bytes.Clone(record)
			s.revisions[key]++
			saved = s.revisions[key]
			if s.luck.hit(s.lose) {
				return errors.New("no answer in time")
			}
			return nil
		})
	})
	return saved, err
}

// told is what was published: results by id, and dead letters.
type told struct {
	mu      sync.Mutex
	results map[string]string // id → content
	data    map[string]events.Result
	changed []string // two contents that were published with one id
	graves  map[string]bool
}

// voice publishes for one process.
type voice struct {
	*told
	process *process
	luck    *chance
	lose    float64
}

func (v voice) Publish(_ context.Context, _ string, e events.Event) error {
	_, payload, err := events.ToNATS(e)
	if err != nil {
		return err
	}
	return v.process.do(func() error {
		if v.luck.nats(false, func() error { return nil }) != nil || v.luck.hit(v.lose) {
			return errAway
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if was, ok := v.results[e.ID()]; ok && was != string(payload) {
			v.changed = append(v.changed, was+" then "+string(payload))
		}
		var r events.Result
		if err := json.Unmarshal(e.Data(), &r); err != nil {
			return err
		}
		v.results[e.ID()], v.data[e.ID()] = string(payload), r
		if v.luck.hit(v.lose) {
			return errors.New("no answer in time")
		}
		return nil
	})
}

func (v voice) Bury(_ context.Context, d bus.DeadLetter) error {
	return v.process.do(func() error {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.graves[d.Key] = true
		return nil
	})
}

func (v voice) Settle(_ context.Context, _, _, key string, _ int) error {
	return v.process.do(func() error {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.graves, key)
		return nil
	})
}

// vendor is a vendor without any promise: a second creation makes a second
// account, a second enrolment a second entry, and calls land late or lose their
// answers.
type vendor struct {
	mu       sync.Mutex
	next     int
	accounts []*account
}

type account struct {
	id      string
	email   string
	data    string // of the user, as it was told last
	deleted bool
	courses []string
}

func (v *vendor) live(email string) []*account {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []*account
	for _, a := range v.accounts {
		if a.email == email && !a.deleted {
			out = append(out, a)
		}
	}
	return out
}

// client is the vendor as one process reaches it, with a network in between.
type client struct {
	*vendor
	process *process
	luck    *chance
	faults  float64
}

// call is one HTTP call: not begun too late, slow, refused, or answered to nobody.
func (c client) call(ctx context.Context, once bool, effect func() error) error {
	if err := c.process.do(func() error { return nil }); err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	if time.Until(deadline) < callTimeout {
		return &vendors.Error{Vendor: "acme", Err: vendors.ErrLate}
	}
	if c.luck.hit(c.faults) {
		return &vendors.Error{Vendor: "acme", Status: 429}
	}
	if c.luck.hit(c.faults) { // it fails, and lands later all the same
		time.AfterFunc(c.luck.span(callTimeout), func() { _ = effect() })
		time.Sleep(c.luck.span(callTimeout))
		return &vendors.Error{Vendor: "acme", Unknown: once, Err: errors.New("no answer in time")}
	}
	time.Sleep(c.luck.span(callTimeout - time.Millisecond))
	err := effect()
	if c.luck.hit(c.faults) {
		return &vendors.Error{Vendor: "acme", Status: 502, Unknown: once}
	}
	return err
}

func (c client) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	var found vendors.Account
	err := c.call(ctx, false, func() error {
		live := c.live(u.Email)
		if len(live) == 0 {
			return vendors.ErrNotFound
		}
		found.ID = live[0].id
		return nil
	})
	if err != nil { // found may still be written to by a call that lands late
		return vendors.Account{}, err
	}
	return found, nil
}

func (c client) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	var created vendors.Account
	err := c.call(ctx, true, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.next++
		made := &account{id: fmt.Sprint(c.next), email: u.Email, data: u.FirstName}
		c.accounts = append(c.accounts, made)
		created.ID = made.id
		return nil
	})
	if err != nil {
		return vendors.Account{}, err
	}
	return created, nil
}

// with lets effect work on the live account of that id; a missing one is 404.
func (c client) with(id string, effect func(*account)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.accounts {
		if a.id == id && !a.deleted {
			effect(a)
			return nil
		}
	}
	return &vendors.Error{Vendor: "acme", Status: 404, Class: vendors.Permanent}
}

func (c client) Delete(ctx context.Context, _ vendors.Origin, a vendors.Account) error {
	err := c.call(ctx, false, func() error { return c.with(a.ID, func(a *account) { a.deleted, a.courses = true, nil }) })
	if vendors.IsGone(err) {
		return nil
	}
	return err
}

func (c client) Enroll(ctx context.Context, e vendors.Enrollment) error {
	return c.call(ctx, true, func() error {
		return c.with(e.Account.ID, func(a *account) { a.courses = append(a.courses, e.Course.ID) })
	})
}

func (c client) Enrolled(ctx context.Context, a vendors.Account, course vendors.Course) (bool, error) {
	var in bool
	err := c.call(ctx, false, func() error {
		return c.with(a.ID, func(a *account) { in = slices.Contains(a.courses, course.ID) })
	})
	if err != nil {
		return false, err
	}
	return in, nil
}
