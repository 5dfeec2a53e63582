package intake_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// One look-up answers for all enrolments of a user without an account, and each of them ends
// as a dead letter.
func TestManyEnrollmentsWithoutAnAccount(t *testing.T) {
	const many = 3500
	vendor := &counted{}
	scenario(t, history{}, func(r *run) {
		vendor.use(r)
		r.config.RecordBytes = 320 << 10
	}, func(t *testing.T, r *run) {
		for i := range many {
			r.send(message{kind: events.EnrollmentRequested, id: fmt.Sprint("e", i), user: 1, course: "go-1"})
		}
		r.awaitCommitted(t)
		r.await(t, "all results", func() bool { return r.results() == many })
		if got := r.classes(); got["prerequisite"] != many || len(got) != 1 {
			t.Errorf("got dead letters %v", got)
		}
		if n := vendor.number(&vendor.finds); n > 8 {
			t.Errorf("%d look-ups", n)
		}
		r.checkSizes(t)
	})
}

// checkSizes holds the records to their bounds.
func (r *run) checkSizes(t *testing.T) {
	t.Helper()
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if most := r.config.RecordBytes + record.HeadRoom; r.server.largest > most {
		t.Errorf("a record of %d bytes, at most %d are allowed", r.server.largest, most)
	}
}

// The account that appears lets the enrolments go on at once.
func TestPrerequisitesAreReleased(t *testing.T) {
	vendor := &counted{}
	scenario(t, history{}, func(r *run) {
		vendor.use(r)
		r.config.PrerequisiteWait = time.Hour
	}, func(t *testing.T, r *run) {
		enrolment := r.send(message{kind: events.EnrollmentRequested, id: "e1", user: 1, course: "go-1"})
		time.Sleep(10 * time.Second)
		creation := r.send(message{kind: events.UserCreated, id: "e2", user: 1})
		r.awaitOutcome(t, creation, events.Done)
		sent := time.Now()
		r.awaitOutcome(t, enrolment, events.Done)
		if waited := time.Since(sent); waited > 5*time.Second {
			t.Errorf("the enrolment came %v after the account", waited)
		}
		if n := vendor.number(&vendor.finds); n > 3 {
			t.Errorf("%d look-ups", n)
		}
	})
}

// small are limits with room for about 200 pending effects.
func small(r *run) { r.config.RecordBytes = 16 << 10 }

// A user who waits and whose record is full gets dead letters of class overload.
func TestOverload(t *testing.T) {
	const many = 600
	scenario(t, history{}, small, func(t *testing.T, r *run) {
		for i := range many {
			r.send(message{kind: events.EnrollmentRequested, id: fmt.Sprint("e", i), user: 1, course: "go-1"})
		}
		other := r.send(message{kind: events.UserCreated, id: "other", user: 2})
		r.awaitOutcome(t, other, events.Done)
		r.awaitCommitted(t)
		r.await(t, "all results", func() bool { return r.results() == many+1 })
		got := r.classes()
		if got["overload"] < many/2 || got["prerequisite"] < 100 || got["overload"]+got["prerequisite"] != many {
			t.Errorf("got dead letters %v", got)
		}
		r.checkSizes(t)
	})
}

// A user whose record is full, and who makes progress, gets no dead letter; nor while the
// vendor is on hold, or while the calls of a former owner may be on their way.
func TestOverloadWithProgress(t *testing.T) {
	const many = 300
	for name, c := range map[string]struct {
		hold time.Duration
		die  int
	}{"calls": {}, "on hold": {hold: time.Hour}, "a new owner": {die: 30}} {
		t.Run(name, func(t *testing.T) {
			scenario(t, history{lifespans: []lifespan{{dieAt: c.die}}}, func(r *run) {
				small(r)
				r.held = []window{{time.Now().Add(10 * time.Second), time.Now().Add(10*time.Second + c.hold)}}
			}, func(t *testing.T, r *run) {
				r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e", user: 1}), events.Done)
				time.Sleep(15*time.Second - time.Duration(time.Now().Nanosecond()))
				for i := range many {
					r.send(message{kind: events.UserUpdated, id: fmt.Sprint("e", i), user: 1})
				}
				r.await(t, "all results", func() bool { return r.results() == many+1 })
				r.awaitCommitted(t)
				if got := r.classes(); len(got) > 0 {
					t.Errorf("got dead letters %v", got)
				}
				r.checkSizes(t)
			})
		})
	}
}

// A user with more events than may wait in memory gets dead letters of class overload, and
// nobody else does.
func TestCrowdedMemory(t *testing.T) {
	const many = 800
	scenario(t, history{}, func(r *run) {
		small(r)
		r.config.WaitingBytes = 100 << 10
		r.held = []window{{time.Now(), time.Now().Add(time.Hour)}}
	}, func(t *testing.T, r *run) {
		for i := range many {
			r.send(message{kind: events.UserUpdated, id: fmt.Sprint("e", i), user: 1})
		}
		other := r.send(message{kind: events.UserCreated, id: "other", user: 2})
		r.awaitOutcome(t, other, events.Done)
		r.await(t, "all results", func() bool { return r.results() == many+1 })
		if got := r.classes(); got["overload"] < many/4 || got["overload"] > many-200 {
			t.Errorf("got dead letters %v", got)
		}
		r.checkSizes(t)
	})
}

// A deletion that supersedes all that a full record holds does not outgrow the record.
func TestSupersededEffectsFit(t *testing.T) {
	scenario(t, history{}, func(r *run) {
		r.config.RecordBytes = 64 << 10
		r.config.PrerequisiteWait = time.Hour
	}, func(t *testing.T, r *run) {
		for i := range 800 {
			r.send(message{kind: events.EnrollmentRequested, id: fmt.Sprint("e", i), user: 1, course: "go-1"})
		}
		r.awaitCommitted(t)
		deletion := r.send(message{kind: events.UserDeleted, id: "deletion", user: 1})
		r.awaitOutcome(t, deletion, events.AlreadyDone)
		r.await(t, "all results", func() bool { return r.results() == 801 })
		r.checkSizes(t)
	})
}

// One user's events do not keep the event of another waiting for more than a turn.
func TestFloodOfOneUser(t *testing.T) {
	scenario(t, history{}, func(r *run) { r.slots = 1 }, func(t *testing.T, r *run) {
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e", user: 1}), events.Done)
		for i := range 10_000 {
			r.send(message{kind: events.UserUpdated, id: fmt.Sprint("e", i), user: 1})
		}
		time.Sleep(3 * time.Second)
		sent := time.Now()
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "other", user: 2}), events.Done)
		if waited := time.Since(sent); waited > 2*time.Second+3*callTimeout {
			t.Errorf("the other user waited for %v", waited)
		}
	})
}

// A call that lasts does not hold back the committed position, and its result is published.
func TestLongCallHoldsNothingBack(t *testing.T) {
	vendor := &counted{before: func(_ context.Context, n int) error {
		if n == 1 {
			time.Sleep(30 * time.Second)
		}
		return nil
	}}
	scenario(t, history{}, func(r *run) {
		vendor.use(r)
		r.config.CallTimeout = time.Minute
	}, func(t *testing.T, r *run) {
		long := r.send(message{kind: events.UserCreated, id: "e1", user: 1})
		r.await(t, "the call", func() bool { return vendor.number(&vendor.calls) == 1 })
		other := r.send(message{kind: events.UserCreated, id: "e2", user: 2})
		r.awaitOutcome(t, other, events.Done)
		r.awaitCommitted(t)
		if _, ok := r.result(long); ok {
			t.Error("the long call has ended")
		}
		r.awaitOutcome(t, long, events.Done)
	})
}

// The wakes in hand are bounded while records cannot be read.
func TestWakesInHandAreBounded(t *testing.T) {
	var boxes atomic.Pointer[mailbox.Mailboxes]
	scenario(t, history{}, func(r *run) { r.watch = boxes.Store }, func(t *testing.T, r *run) {
		const users = 60
		for i := range users {
			r.send(message{kind: events.UserUpdated, id: fmt.Sprint("e", i), user: i})
		}
		r.awaitCommitted(t)
		r.server.mu.Lock()
		r.server.recordsAway = true
		r.server.mu.Unlock()
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if n := boxes.Load().WakesInHand(mailbox.Wake); n > 16 {
				t.Fatalf("%d wakes in hand", n)
			}
		}
		r.server.mu.Lock()
		r.server.recordsAway = false
		r.server.mu.Unlock()
		r.await(t, "all results", func() bool { return r.results() == users })
	})
}
