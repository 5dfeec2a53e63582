package intake_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// lateCreations is a vendor on which each creation lands three seconds late, and before
// which the process dies while it calls.
type lateCreations struct {
	client

	dies *atomic.Bool
	runs time.Duration // until the process dies
}

func (l lateCreations) Create(ctx context.Context, o vendors.Origin, u vendors.User) (vendors.Account, error) {
	if !l.dies.Swap(false) {
		return l.client.Create(ctx, o, u)
	}
	time.AfterFunc(3*time.Second, func() { l.add(u) })
	time.Sleep(l.runs)
	l.process.mu.Lock()
	defer l.process.mu.Unlock()
	l.process.dead = true
	l.process.cancel()
	return vendors.Account{}, errDead
}

// A new owner waits until the call of the former one must have landed, and then looks; also
// if the stored token was lost, since its own token is another one than that of the claim.
func TestNewOwnerAwaitsTheFormerOne(t *testing.T) {
	for name, meanwhile := range map[string]func(*server){
		"":                      func(*server) {},
		"and the token is lost": (*server).loseOwnership,
	} {
		t.Run(name, func(t *testing.T) {
			var dies atomic.Bool
			dies.Store(true)
			scenario(t, history{}, func(r *run) {
				r.config.CallTimeout = 3 * time.Second
				r.adapter = func(c client) vendors.Adapter { return lateCreations{client: c, dies: &dies} }
			}, func(t *testing.T, r *run) {
				id := r.send(message{kind: events.UserCreated, id: "e1", user: 1})
				r.await(t, "the death", func() bool { return !dies.Load() })
				meanwhile(r.server)
				r.awaitOutcome(t, id, events.Done)
				time.Sleep(time.Minute)
				if live := r.vendor.live(email(1)); len(live) != 1 {
					t.Errorf("%d accounts", len(live))
				}
			})
		})
	}
}

// A process that dies in a long call, whose position is committed, has left a timer.
func TestDeathInALongCall(t *testing.T) {
	var dies atomic.Bool
	dies.Store(true)
	scenario(t, history{}, func(r *run) {
		r.config.CallTimeout = time.Minute
		r.adapter = func(c client) vendors.Adapter { return lateCreations{client: c, dies: &dies, runs: 10 * time.Second} }
	}, func(t *testing.T, r *run) {
		key := r.send(message{kind: events.UserCreated, id: "e1", user: 1})
		r.awaitCommitted(t)
		r.awaitOutcome(t, key, events.Done)
	})
}

// Waits are those of the server's clock, however far it is from that of the process.
func TestServerTime(t *testing.T) {
	for _, offset := range []time.Duration{0, 20 * time.Second, -20 * time.Second} {
		t.Run(fmt.Sprint(offset), func(t *testing.T) {
			var refusing atomic.Bool
			refusing.Store(true)
			vendor := &counted{before: func(context.Context, int) error {
				if refusing.Load() {
					return &vendors.Error{Vendor: "acme", Status: 429}
				}
				return nil
			}}
			scenario(t, history{}, func(r *run) {
				vendor.use(r)
				r.server.offset = offset
			}, func(t *testing.T, r *run) {
				key := r.send(message{kind: events.UserCreated, id: "e1", user: 1})
				time.Sleep(time.Minute)
				refusing.Store(false)
				calls := vendor.number(&vendor.calls)
				r.server.mu.Lock()
				armed := r.server.armed
				r.server.mu.Unlock()
				if calls < 20 || armed > 2*calls+5 {
					t.Errorf("%d attempts in a minute, %d timers", calls, armed)
				}
				r.awaitOutcome(t, key, events.Done)
			})
		})
	}
}

// A timer of a former owner, set late, does not replace the timer of the owner.
func TestFormerOwnersTimer(t *testing.T) {
	scenario(t, history{}, func(r *run) { r.config.PrerequisiteWait = 10 * time.Second }, func(t *testing.T, r *run) {
		key := r.send(message{kind: events.EnrollmentRequested, id: "e1", user: 1, course: "go-1"})
		r.awaitCommitted(t)
		former := timers{connection{server: r.server, process: &process{cancel: func() {}}}, 0}
		if err := former.Arm(t.Context(), record.AccountKey("acme", "u1"), time.Now().Add(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		sent := time.Now()
		r.awaitOutcome(t, key, events.Failed)
		if waited := time.Since(sent); waited > time.Minute {
			t.Errorf("the owner's timer came after %v", waited)
		}
	})
}

// A position is not committed before the timer of what waits is set.
func TestNoPositionWithoutATimer(t *testing.T) {
	scenario(t, history{}, func(r *run) { r.server.timersAway = true }, func(t *testing.T, r *run) {
		r.send(message{kind: events.EnrollmentRequested, id: "e1", user: 1, course: "go-1"})
		time.Sleep(10 * time.Second)
		if got := r.position(); got != 0 || r.server.pending() != 1 {
			t.Errorf("position %d, %d records with pending effects", got, r.server.pending())
		}
		r.server.mu.Lock()
		r.server.timersAway = false
		r.server.mu.Unlock()
		r.awaitCommitted(t)
	})
}

// A timer that was set before the stream of timers was purged does not count as set.
func TestPurgedTimersAreForgotten(t *testing.T) {
	vendor := &counted{before: func(context.Context, int) error {
		time.Sleep(700 * time.Millisecond) // gets a timer under the call
		return nil
	}}
	scenario(t, history{}, vendor.use, func(t *testing.T, r *run) {
		creation := message{kind: events.UserCreated, id: "e1", user: 1}
		r.awaitOutcome(t, r.send(creation), events.Done)
		time.Sleep(300 * time.Millisecond)
		r.send(creation) // leaves nothing unfinished in the record, so that the sweep passes by
		r.awaitCommitted(t)
		r.server.purgeTimers()
		time.Sleep(5 * time.Second)
		r.awaitOutcome(t, r.send(message{kind: events.UserDeleted, id: "e2", user: 1}), events.Done)
		r.awaitDead(t, r.send(message{kind: events.EnrollmentRequested, id: "e3", user: 1, course: "go-1"}), "prerequisite")
	})
}

// Dead letters that wait to be sent back are found after the stream of timers was purged. One that cannot
// be sent delays no other.
func TestReturnsSurviveAPurgeOfTheTimers(t *testing.T) {
	scenario(t, history{}, unchanged, func(t *testing.T, r *run) {
		first := r.send(message{kind: events.EnrollmentRequested, id: "e1", user: 1, course: "go-1"})
		second := r.send(message{kind: events.UserUpdated, id: "e2", user: 1})
		r.awaitDead(t, first, "prerequisite")
		r.awaitDead(t, second, "prerequisite")
		r.stopReturns(first)
		creation := message{kind: events.UserCreated, id: "e3", user: 1}
		r.awaitOutcome(t, r.send(creation), events.Done)
		replayed := func(key string) bool { result, ok := r.resultOf(key, 1); return ok && result.Outcome != events.Failed }
		r.await(t, "the replay of the second", func() bool { return replayed(second) })
		r.send(creation) // leaves no unpublished result in the record
		r.awaitCommitted(t)
		r.stopReturns("")
		r.server.purgeTimers()
		r.await(t, "the replay of the first", func() bool { return replayed(first) })
	})
}

// stopReturns sets the event whose dead letter cannot be sent back.
func (r *run) stopReturns(key string) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.server.returnsAway = key
}

// A process that stops in order stores what it has in hand and releases the lease.
func TestGracefulStop(t *testing.T) {
	vendor := &counted{before: func(context.Context, int) error {
		time.Sleep(200 * time.Millisecond) // within the call lease, however long the claim took
		return nil
	}}
	scenario(t, history{}, vendor.use, func(t *testing.T, r *run) {
		for user := range 8 {
			r.send(message{kind: events.UserCreated, id: fmt.Sprint("e", user), user: user})
		}
		r.await(t, "calls", func() bool { return vendor.number(&vendor.calls) >= 4 })
		r.stop()
		called := vendor.number(&vendor.calls)
		r.server.mu.Lock()
		lease := r.server.lease
		r.server.mu.Unlock()
		if lease != "" {
			t.Errorf("the lease is still that of %q", lease)
		}
		finished := 0
		r.records(func(one *record.Record) {
			if one.Claim != nil {
				t.Errorf("a claim is left: %+v", one)
			}
			if one.State == record.Active {
				finished++
			}
		})
		if finished == 0 {
			t.Error("no call in flight came to its end")
		}
		ctx, stop := context.WithCancel(t.Context())
		var again sync.WaitGroup
		again.Go(func() { r.host(ctx, 0) })
		r.stop = func() { stop(); again.Wait() }
		r.await(t, "all results", func() bool { return r.results() == 8 })
		if n := vendor.number(&vendor.calls); n != 8 {
			t.Errorf("%d creations for 8 users, %d before the stop", n, called)
		}
	})
}
