package intake_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// A process may die between any two operations: nothing is lost, and nothing made twice.
func TestCrashAtEachOperation(t *testing.T) {
	published := []publication{
		{event: 0, kind: events.UserCreated},
		{event: 1, kind: events.UserUpdated, after: time.Second},
		{event: 2, user: 1, kind: events.EnrollmentRequested},
		{event: 3, kind: events.EnrollmentRequested, after: 2 * time.Second},
		{event: 4, kind: events.UserDeleted, after: 3 * time.Second},
		{event: 5, kind: events.UserCreated, after: 3 * time.Second},
	}
	for n := 1; n <= 120; n++ {
		for _, after := range []bool{false, true} {
			h := history{seed: uint64(n), published: published, lifespans: []lifespan{{dieAt: n, after: after}, {dieAt: n + 20, after: after}}}
			if faults := play(t, h); len(faults) > 0 {
				t.Errorf("death at operation %d (after its effect: %v): %s", n, after, strings.Join(faults, "\n"))
			}
		}
	}
}

// An enrolment waits for its account with a late timer. A process may die once the account has come: the
// enrolment does not wait for the timer.
func TestCrashOnceTheAccountHasCome(t *testing.T) {
	published := []publication{
		{event: 0, kind: events.EnrollmentRequested},
		{event: 1, kind: events.UserUpdated},
		{event: 2, kind: events.UserCreated, after: 5 * time.Second},
	}
	for n := 1; n <= 400; n++ {
		span := lifespan{calls: 2 + n%4, dieAt: n / 4, after: n%3 == 0}
		h := history{seed: uint64(n), patient: true, published: published, lifespans: []lifespan{span, span}}
		if faults := play(t, h); len(faults) > 0 {
			t.Errorf("death at operation %d after call %d: %s", span.dieAt, span.calls, strings.Join(faults, "\n"))
		}
	}
}

// Dead letters of arrivals that the record refuses survive a death at any operation.
func TestCrashWhileRejecting(t *testing.T) {
	for n := 5; n <= 90; n++ {
		h := history{lifespans: []lifespan{{dieAt: n, after: n%2 == 0}}}
		scenario(t, h, small, func(t *testing.T, r *run) {
			const many = 240
			for i := range many {
				r.send(message{kind: events.EnrollmentRequested, id: fmt.Sprint("e", i), user: 1, course: "go-1"})
			}
			r.send(message{kind: events.EnrollmentCancelled, id: "e0", user: 1, course: "go-1"}) // reuses an id
			r.awaitCommitted(t)
			r.await(t, fmt.Sprint("all results, with a death at operation ", n), func() bool { return r.results() >= many+1 })
			if got := r.classes(); got["invalid"] != 1 || got["overload"] == 0 || got["invalid"]+got["overload"]+got["prerequisite"] != many+1 {
				t.Errorf("death at operation %d: %v", n, got)
			}
		})
	}
}

// A process may die between any two operations on a replay: the next owner reads the replay
// again, and the message stays until the result is published.
func TestCrashWhileReplaying(t *testing.T) {
	for n := 1; n <= 60; n++ {
		h := history{lifespans: []lifespan{{dieAt: n, after: n%2 == 0}, {}, {dieAt: n / 2}}}
		scenario(t, h, unchanged, func(t *testing.T, r *run) {
			d := r.addDeadLetter(t, events.UserCreated, 1)
			r.resend(d)
			r.await(t, fmt.Sprint("the end of the replay, with a death at operation ", n), func() bool { return len(r.server.replaysLeft()) == 0 })
			time.Sleep(10 * time.Second) // until another process owns the vendor
			next := r.send(message{kind: events.UserUpdated, id: "next", user: 1})
			r.awaitOutcome(t, next, events.Done)
			r.await(t, "the history of the next event", func() bool { return r.listed()[next] != "" })
			for _, fault := range append(r.checkReplays(), r.unlisted()...) {
				t.Errorf("death at operation %d: %s", n, fault)
			}
			if got := len(r.vendor.live(email(1))); got != 1 || r.classOf(d.Key) != "" {
				t.Errorf("death at operation %d: %d accounts, a dead letter of class %q", n, got, r.classOf(d.Key))
			}
		})
	}
}

// Effects that were registered without a timer, and whose events left the stream before the
// position was committed, end as dead letters all the same.
func TestPurgedEventsOfADeadProcess(t *testing.T) {
	var dies atomic.Bool
	dies.Store(true)
	scenario(t, history{}, func(r *run) {
		r.adapter = func(c client) vendors.Adapter { return lateCreations{client: c, dies: &dies} }
	}, func(t *testing.T, r *run) {
		r.send(message{kind: events.UserCreated, id: "e1", user: 1})
		r.await(t, "the death", func() bool { return !dies.Load() })
		r.server.mu.Lock()
		r.server.first = 2
		r.server.mu.Unlock()
		r.await(t, "the end of the effect", func() bool { return r.server.pending() == 0 && r.classes()["expired"] == 1 })
	})
}
