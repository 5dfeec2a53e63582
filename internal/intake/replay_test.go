package intake_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// replaying is a scenario in which the creation of user 1 has failed for good.
func replaying(t *testing.T, prepare func(*run), body func(*testing.T, *run, *replayStore, string)) {
	t.Helper()
	var refusing atomic.Bool
	refusing.Store(true)
	vendor := &counted{before: func(context.Context, int) error {
		if refusing.Load() {
			return &vendors.Error{Vendor: "acme", Status: 400, Class: vendors.Permanent}
		}
		return nil
	}}
	store := &replayStore{messages: map[uint64]mailbox.Message{}}
	scenario(t, history{}, func(r *run) {
		vendor.use(r)
		store.run, r.replays = r, store
		r.watch = store.boxes.Store
		prepare(r)
	}, func(t *testing.T, r *run) {
		key := r.send(message{kind: events.UserCreated, id: "e1", user: 1})
		r.awaitDead(t, key, "permanent")
		r.awaitCommitted(t)
		refusing.Store(false)
		body(t, r, store, key)
		store.mu.Lock()
		early := store.early
		store.mu.Unlock()
		if len(early) > 0 {
			t.Errorf("replays %v were removed before their results were published", early)
		}
		if n := store.stored(); n > 0 {
			t.Errorf("%d replays are still stored", n)
		}
	})
}

// A replay ends in a result of its own, and its message and the dead letter are removed. The
// same replay once more changes nothing.
func TestReplay(t *testing.T) {
	replaying(t, unchanged, func(t *testing.T, r *run, s *replayStore, key string) {
		letter := r.letter(key)
		settled := s.replay(letter)
		r.await(t, "the end of the replay", settled)
		r.await(t, "the removal of the replay", func() bool { return s.stored() == 0 })
		if got, _ := r.resultOf(key, 1); got.Outcome != events.Done {
			t.Errorf("got %+v", got)
		}
		if class := r.classOf(key); class != "" {
			t.Errorf("a dead letter of class %q is left", class)
		}
		time.Sleep(time.Minute)
		results := r.results()
		r.await(t, "the end of the repeat", s.replay(letter))
		r.await(t, "the removal of the repeat", func() bool { return s.stored() == 0 })
		if r.results() != results || len(r.vendor.live(email(1))) != 1 {
			t.Errorf("%d results, %d accounts after the repeat", r.results(), len(r.vendor.live(email(1))))
		}
	})
}

// A replay that finds the record full waits, or ends as a dead letter.
func TestReplayWithoutRoom(t *testing.T) {
	replaying(t, func(r *run) {
		small(r)
		r.config.PrerequisiteWait = time.Hour
	}, func(t *testing.T, r *run, s *replayStore, key string) {
		for i := range 400 {
			r.send(message{kind: events.EnrollmentRequested, id: fmt.Sprint("f", i), user: 1, course: "go-1"})
		}
		r.awaitCommitted(t)
		r.await(t, "the end of the replay", s.replay(r.letter(key)))
		r.await(t, "the removal of the replay", func() bool { return s.stored() == 0 })
		got, ok := r.resultOf(key, 1)
		if !ok || got.Outcome != events.Failed || r.classOf(key) != "overload" {
			t.Errorf("got %+v (published: %v), dead letter of class %q", got, ok, r.classOf(key))
		}
	})
}

// A replay for which a full record may still get room is in hand until then.
func TestReplayAwaitsRoom(t *testing.T) {
	replaying(t, small, func(t *testing.T, r *run, s *replayStore, key string) {
		r.mu.Lock()
		r.held = []window{{time.Now().Add(-time.Second), time.Now().Add(time.Minute)}}
		r.mu.Unlock()
		for i := range 400 {
			r.send(message{kind: events.UserUpdated, id: fmt.Sprint("f", i), user: 1})
		}
		time.Sleep(10 * time.Second)
		settled := s.replay(r.letter(key))
		time.Sleep(10 * time.Second)
		if settled() {
			t.Error("the replay counts as registered")
		}
		r.await(t, "the end of the replay", settled)
		r.await(t, "the removal of the replay", func() bool { return s.stored() == 0 })
		if _, ok := r.resultOf(key, 1); !ok {
			t.Error("no result")
		}
	})
}

// A replay that cannot be read any more ends as a dead letter.
func TestInvalidReplay(t *testing.T) {
	replaying(t, unchanged, func(t *testing.T, r *run, s *replayStore, key string) {
		letter := r.letter(key)
		letter.Payload = []byte("{")
		r.await(t, "the end of the replay", s.replay(letter))
		if got, _ := r.resultOf(key, 1); got.Outcome != events.Failed {
			t.Errorf("got %+v", got)
		}
	})
}

// A replay waits as its event would: behind a record with nothing but its reference.
func TestReplayWaits(t *testing.T) {
	replaying(t, unchanged, func(t *testing.T, r *run, s *replayStore, key string) {
		r.mu.Lock()
		r.held = []window{{time.Now().Add(-time.Second), time.Now().Add(time.Minute)}}
		r.mu.Unlock()
		settled := s.replay(r.letter(key))
		r.await(t, "registration", settled)
		if s.stored() != 1 {
			t.Error("the message of a pending replay was removed")
		}
		r.records(func(one *record.Record) {
			if len(one.Pending) != 1 || one.Pending[0].Replay != 1 {
				t.Errorf("pending: %+v", one.Pending)
			}
		})
		r.await(t, "the removal of the replay", func() bool { return s.stored() == 0 })
	})
}

// replayStore is the stream of replays.
type replayStore struct {
	run   *run
	boxes atomic.Pointer[mailbox.Mailboxes]

	mu       sync.Mutex
	messages map[uint64]mailbox.Message
	last     uint64
	early    []uint64 // replays that were removed before their results were published
}

func (s *replayStore) Get(_ context.Context, seq uint64) (mailbox.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.messages[seq]; ok {
		return m, nil
	}
	return mailbox.Message{}, mailbox.ErrGone
}

func (s *replayStore) Remove(_ context.Context, seq uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.messages[seq]; ok {
		r, _ := bus.ReadReplay(m.Header)
		s.run.published.mu.Lock()
		if _, ok := s.run.published.results[events.ResultID(r.Key, "acme", r.Number)]; !ok {
			s.early = append(s.early, seq)
		}
		s.run.published.mu.Unlock()
	}
	delete(s.messages, seq)
	return nil
}

// replay stores a replay of a dead letter, and delivers it to the mailboxes.
func (s *replayStore) replay(d bus.DeadLetter) (settled func() bool) {
	s.mu.Lock()
	s.last++
	seq := s.last
	m := mailbox.Message{Stream: "REPLAYS", Position: events.Position{Epoch: d.Epoch, Seq: d.Seq}, Payload: d.Payload, Stored: time.Now()}
	m.Subject, m.Header = d.AsReplay()
	s.messages[seq] = m
	s.mu.Unlock()
	return s.deliver(seq)
}

func (s *replayStore) deliver(seq uint64) (settled func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := make(chan struct{})
	s.boxes.Load().DeliverReplay(s.messages[seq], seq, func() { close(done) })
	return func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}

func (s *replayStore) stored() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.messages)
}
