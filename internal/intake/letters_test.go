package intake_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// needless returns a dead letter of an effect that did not fail.
func (r *run) needless() (found string) {
	for key, d := range r.dead() {
		result, ok := r.resultOf(key, d.Replay)
		if ok && result.Outcome != events.Failed {
			found = fmt.Sprintf("class %s, outcome %s after %d attempts", d.Class, result.Outcome, result.Attempts)
		}
	}
	return found
}

// deadLettersAdded counts the stored dead letters, with repeats.
func (r *run) deadLettersAdded() int {
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	return r.published.added
}

// dead returns the dead letters that there are.
func (r *run) dead() map[string]streams.DeadLetter {
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	return maps.Clone(r.published.dead)
}

// A process dies after it stored the dead letters of events that found no room. There is
// room for some of them when the next process reads them: their dead letters leave.
func TestRoomAfterADeathWhileRejecting(t *testing.T) {
	const many = 240
	well := 0
	for n := 5; n <= 90; n += 5 {
		h := history{lifespans: []lifespan{{dieAt: n, after: true}}}
		scenario(t, h, func(r *run) {
			starts := 0
			r.adapter = func(c client) vendors.Adapter {
				if starts++; starts == 1 {
					small(r)
				} else {
					r.config.RecordBytes = 256 << 10
				}
				return c
			}
		}, func(t *testing.T, r *run) {
			for i := range many {
				r.send(message{kind: events.EnrollmentRequested, id: fmt.Sprint("e", i), user: 1, course: "go-1"})
			}
			r.send(message{kind: events.UserCreated, id: "account", user: 1})
			r.awaitCommitted(t)
			r.await(t, fmt.Sprint("all results, with a death at operation ", n), func() bool { return r.results() == many+1 })
			// A dead letter is removed after the result is published.
			r.await(t, fmt.Sprint("no dead letter stays, with a death at operation ", n), func() bool { return r.needless() == "" })
			if r.deadLettersAdded() > len(r.dead()) {
				well++
			}
		})
	}
	if well == 0 {
		t.Error("in no run a dead letter left")
	}
}

// A process dies after it stored the dead letters of effects that waited too long for an
// account, and a person creates the account before the next process looks.
func TestAnAccountAfterADeathWhileGivingUp(t *testing.T) {
	well := 0
	for n := 100; n <= 1500; n += 25 {
		h := history{lifespans: []lifespan{{dieAt: n, after: true}}}
		scenario(t, h, func(r *run) { r.config.PrerequisiteWait = 3 * time.Second }, func(t *testing.T, r *run) {
			const many = 60
			for i := range many {
				r.send(message{kind: events.EnrollmentRequested, id: fmt.Sprint("e", i), user: 1, course: "go-1"})
			}
			r.await(t, "the first dead letter", func() bool { return len(r.dead()) > 0 })
			r.vendor.add(vendors.User{Email: email(1)})
			r.await(t, fmt.Sprint("all results, with a death at operation ", n), func() bool { return r.results() == many })
			// A dead letter is removed after the result is published.
			r.await(t, fmt.Sprint("no dead letter stays, with a death at operation ", n), func() bool { return r.needless() == "" })
			if r.deadLettersAdded() > len(r.dead()) {
				well++
			}
		})
	}
	if well == 0 {
		t.Error("in no run a dead letter left")
	}
}

// Enrolments that waited for an account in vain are carried out once the account comes, without a person:
// once each, and their dead letters leave. A death at any operation changes nothing.
func TestDeadLettersLeaveWithTheAccount(t *testing.T) {
	const many = 3
	for n := 1; n <= 240; n++ {
		h := history{lifespans: []lifespan{{dieAt: n, after: n%2 == 0}}}
		scenario(t, h, func(r *run) { r.config.PrerequisiteWait = 3 * time.Second }, func(t *testing.T, r *run) {
			var keys []string
			for i := range many {
				keys = append(keys, r.send(message{kind: events.EnrollmentRequested, id: fmt.Sprint("e", i), user: 1, course: "go-1"}))
			}
			for _, key := range keys {
				r.awaitDead(t, key, "prerequisite")
			}
			r.awaitCommitted(t)
			created := r.send(message{kind: events.UserCreated, id: "account", user: 1})
			r.awaitOutcome(t, created, events.Done)
			for _, key := range keys {
				r.await(t, fmt.Sprint("the enrolment, with a death at operation ", n), func() bool {
					got, ok := r.resultOf(key, 1)
					return ok && got.Outcome != events.Failed
				})
				if _, again := r.resultOf(key, 2); again {
					t.Errorf("death at operation %d: the dead letter was sent back twice", n)
				}
				r.await(t, "a history that says that no person sent the replay", func() bool {
					r.published.mu.Lock()
					defer r.published.mu.Unlock()
					return r.published.history[events.ResultID(key, "acme", 1)].Automatic
				})
			}
			r.await(t, "no dead letter and no replay is left", func() bool { return len(r.dead()) == 0 && len(r.server.replaysLeft()) == 0 })
		})
	}
}
