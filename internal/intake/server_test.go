package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/intake"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

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
	index     map[string][]byte
	indexRevs map[string]uint64
	faults    []string // accounts that two records held
	largest   int      // record that was stored
	// recordsAway says that no record can be read or stored.
	recordsAway bool
	idle        map[string]idle // records
	// timersAway says that no timer can be set.
	timersAway bool
	// returnsAway is the event whose dead letter cannot be sent back.
	returnsAway string

	replays     map[uint64]mailbox.Message
	resent      map[replayID]bool
	lastReplay  uint64
	replaysRead uint64 // the last one that any process has read

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

// idle is since when a record has a revision.
type idle struct {
	revision uint64
	since    time.Time
}

type window struct{ from, to time.Time }

func (w window) contains(t time.Time) bool { return t.After(w.from) && t.Before(w.to) }

func newServer(c *random) *server {
	return &server{
		random: c, records: map[string][]byte{}, revisions: map[string]uint64{}, index: map[string][]byte{}, indexRevs: map[string]uint64{},
		timers: map[string]*time.Timer{}, wakes: map[string]*wake{}, idle: map[string]idle{}, replays: map[uint64]mailbox.Message{}, resent: map[replayID]bool{},
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

// pending returns the number of records with pending effects, or with dead letters to send back.
func (s *server) pending() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.records {
		if r, err := record.Decode(b); err != nil || len(r.Pending) > 0 || r.HasReturns() {
			n++
		}
	}
	return n
}

// longestIdle is the time in which a callable effect is called, beside deaths of processes
// and troubles of the server and the vendor.
const longestIdle = 5 * time.Minute

// noteIdle notes a fault for each record with an effect that has been callable for long, unless the record
// was written meanwhile.
func (s *server) noteIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, b := range s.records {
		if s.idle[key].revision != s.revisions[key] {
			s.idle[key] = idle{s.revisions[key], time.Now()}
		}
		if time.Since(s.idle[key].since) < longestIdle {
			continue
		}
		then := time.Now().Add(s.offset - longestIdle)
		r, err := record.Decode(b)
		if err == nil && r.Next(then, record.Owner{Token: r.Token, CallsAllowed: true, FirstLook: limits.FirstLook}).Action == record.Call {
			s.faults = append(s.faults, fmt.Sprintf("nobody carries on with %s: %s", key, b))
		}
		s.idle[key] = idle{s.revisions[key], time.Now()}
	}
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
			return mailbox.ErrStaleRevision
		}
		c.records[key] = bytes.Clone(value)
		c.revisions[key]++
		c.largest = max(c.largest, len(value))
		stored = c.revisions[key]
		c.checkHolders(key)
		return nil
	})
	return stored, err
}

// index is the bucket of the index of accounts.
type index struct{ connection }

func (x index) Load(_ context.Context, key string) (value []byte, revision uint64, err error) {
	err = x.ask(func() error {
		value, revision = x.index[key], x.indexRevs[key]
		return nil
	})
	return value, revision, err
}

func (x index) Store(_ context.Context, key string, value []byte, revision uint64) (stored uint64, err error) {
	err = x.ask(func() error {
		if x.indexRevs[key] != revision {
			return mailbox.ErrStaleRevision
		}
		x.index[key] = value
		x.indexRevs[key]++
		stored = x.indexRevs[key]
		return nil
	})
	return stored, err
}

// profiles is the bucket of profiles.
type profiles struct{ index }

func (x profiles) Load(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	return x.index.Load(ctx, "profile "+key)
}

func (x profiles) Store(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	stored, err := x.index.Store(ctx, "profile "+key, value, revision)
	if errors.Is(err, mailbox.ErrStaleRevision) {
		err = streams.ErrStaleRevision
	}
	return stored, err
}

// firstStored is the sequence of the first event that is still stored.
func (s *server) firstStored() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first
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
