package intake_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// guard is a deletion guard with a verdict that a test sets.
type guard struct {
	mu       sync.Mutex
	verdict  deletionguard.Verdict
	looks    int
	released chan struct{}
	dropped  time.Time
	users    []string // digests with an approval
	approved chan struct{}
}

func newGuard(v deletionguard.Verdict) *guard { return &guard{verdict: v} }

func (g *guard) Removal(_ context.Context, r deletionguard.Removal) (deletionguard.Verdict, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looks++
	if slices.Contains(g.users, r.User) {
		return deletionguard.Proceed, nil
	}
	return g.verdict, nil
}

func (g *guard) Holds() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.verdict == deletionguard.Hold
}

func (g *guard) Approved(digest string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Contains(g.users, digest)
}

func (g *guard) ApprovedUsers() ([]string, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.approved == nil { // a channel belongs to the bubble in which it is made
		g.approved = make(chan struct{})
	}
	return g.users, g.approved
}

// approve approves the removal of one user.
func (g *guard) approve(digest string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.users = append(g.users, digest)
	if g.approved != nil {
		close(g.approved)
		g.approved = nil
	}
}

func (g *guard) Dropped() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.dropped
}

func (g *guard) Released() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.released == nil { // a channel belongs to the bubble in which it is made
		g.released = make(chan struct{})
	}
	return g.released
}

// set sets the verdict. Any but Hold ends a hold.
func (g *guard) set(v deletionguard.Verdict) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.verdict = v
	if v != deletionguard.Hold && g.released != nil {
		close(g.released)
		g.released = nil
	}
}

func (g *guard) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.looks
}

// A held deletion is looked at every few minutes, without a write or a share of the rate in
// between. Once the hold ends, the deletion is made or dropped within seconds.
func TestHeldDeletions(t *testing.T) {
	for name, c := range map[string]struct {
		verdict deletionguard.Verdict
		want    string
	}{"approved": {deletionguard.Proceed, events.Done}, "dropped": {deletionguard.Discard, events.Failed}} {
		t.Run(name, func(t *testing.T) {
			g := newGuard(deletionguard.Hold)
			scenario(t, history{}, func(r *run) { r.guard = g }, func(t *testing.T, r *run) {
				r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e1", user: 1}), events.Done)
				key := r.send(message{kind: events.UserDeleted, id: "e2", user: 1})
				r.awaitCommitted(t)
				admitted := r.admitted.Load()
				time.Sleep(time.Hour)
				if n := g.count(); n < 9 || n > 13 || r.results() != 1 || r.stored(1) > uint64(n)+4 {
					t.Errorf("%d looks in an hour, %d results, %d writes", n, r.results(), r.stored(1))
				}
				if n := r.admitted.Load() - admitted; n != 0 {
					t.Errorf("%d shares of the rate for a held deletion", n)
				}
				g.set(c.verdict)
				ended := time.Now()
				r.awaitOutcome(t, key, c.want)
				if took := time.Since(ended); took > 5*time.Second {
					t.Errorf("the deletion went on after %v", took)
				}
				if live := len(r.vendor.live(email(1))); (live == 0) != (c.want == events.Done) {
					t.Errorf("%d accounts", live)
				}
				if c.want == events.Failed && r.classOf(key) != "dropped" {
					t.Errorf("got class %q", r.classOf(key))
				}
			})
		})
	}
}

// The approval of one user lets the deletion of this user go on, within seconds, and no other one.
func TestOneUserIsApproved(t *testing.T) {
	g := newGuard(deletionguard.Hold)
	scenario(t, history{}, func(r *run) { r.guard = g }, func(t *testing.T, r *run) {
		var keys []string
		for i := range 3 {
			r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: fmt.Sprint("e", i), user: i}), events.Done)
			keys = append(keys, r.send(message{kind: events.UserDeleted, id: fmt.Sprint("d", i), user: i}))
		}
		r.awaitCommitted(t)
		time.Sleep(10 * time.Second) // within a look at a held deletion
		g.approve(record.Digest("u1"))
		ended := time.Now()
		r.awaitOutcome(t, keys[1], events.Done)
		if took := time.Since(ended); took > 5*time.Second {
			t.Errorf("the deletion went on after %v", took)
		}
		time.Sleep(time.Hour)
		if n := r.results(); n != 4 || len(r.vendor.live(email(1))) != 0 || len(r.vendor.live(email(0))) != 1 || len(r.vendor.live(email(2))) != 1 {
			t.Errorf("%d results, want three creations and one deletion, of user 1", n)
		}
		g.set(deletionguard.Proceed)
		r.awaitOutcome(t, keys[0], events.Done)
		r.awaitOutcome(t, keys[2], events.Done)
	})
}

// Thousands of held deletions delay no healthy user, and all go on soon after the approval.
func TestManyHeldDeletions(t *testing.T) {
	const many = 300
	g := newGuard(deletionguard.Hold)
	scenario(t, history{}, func(r *run) { r.guard = g }, func(t *testing.T, r *run) {
		for i := range many {
			r.send(message{kind: events.UserDeleted, id: fmt.Sprint("d", i), user: 10 + i})
		}
		for i := range 5 {
			begun := time.Now()
			r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: fmt.Sprint("e", i), user: i}), events.Done)
			if took := time.Since(begun); i > 0 && took > 4*time.Second { // a call takes up to callTimeout
				t.Errorf("a healthy user waited for %v", took)
			}
		}
		r.awaitCommitted(t)
		if n := r.results(); n != 5 {
			t.Errorf("%d results while deletions are held", n)
		}
		g.set(deletionguard.Discard)
		r.await(t, "all results", func() bool { return r.results() == many+5 })
	})
}

// tooManyRequests answers the first deletion with 429.
type tooManyRequests struct {
	client

	mu    sync.Mutex
	calls int
	after func()
}

func (f *tooManyRequests) Delete(ctx context.Context, o vendors.Origin, a vendors.Account) error {
	f.mu.Lock()
	f.calls++
	first := f.calls == 1
	f.mu.Unlock()
	if first {
		f.after()
		return &vendors.Error{Vendor: "acme", Status: 429}
	}
	return f.client.Delete(ctx, o, a)
}

// A deletion that the vendor has surely not made is held, though it was tried.
func TestTriedDeletionIsHeld(t *testing.T) {
	g := newGuard(deletionguard.Proceed)
	f := &tooManyRequests{after: func() { g.set(deletionguard.Hold) }}
	scenario(t, history{}, func(r *run) {
		r.guard = g
		r.adapter = func(c client) vendors.Adapter { f.client = c; return f }
	}, func(t *testing.T, r *run) {
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e1", user: 1}), events.Done)
		key := r.send(message{kind: events.UserDeleted, id: "e2", user: 1})
		time.Sleep(time.Hour)
		if live := len(r.vendor.live(email(1))); live != 1 {
			t.Errorf("%d accounts while deletions are held", live)
		}
		g.set(deletionguard.Proceed)
		r.awaitOutcome(t, key, events.Done)
	})
}

// A creation behind a held deletion waits for it, however long the hold lasts: pending
// effects are never forgotten.
func TestNothingOvertakesAHeldDeletion(t *testing.T) {
	g := newGuard(deletionguard.Proceed)
	scenario(t, history{}, func(r *run) { r.guard = g }, func(t *testing.T, r *run) {
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e1", user: 1}), events.Done)
		g.set(deletionguard.Hold)
		deleted := r.send(message{kind: events.UserDeleted, id: "e2", user: 1})
		for i := range 3 {
			time.Sleep(r.config.MaxAge)
			r.send(message{kind: events.UserUpdated, id: fmt.Sprint("u", i), user: 1})
		}
		created := r.send(message{kind: events.UserCreated, id: "e3", user: 1})
		time.Sleep(time.Hour)
		if _, ok := r.result(created); ok {
			t.Error("the creation overtook the deletion")
		}
		held := 0
		r.records(func(one *record.Record) {
			if slices.ContainsFunc(one.Pending, func(e record.Effect) bool { return e.Held }) {
				held++
			}
		})
		if held != 1 {
			t.Errorf("%d records with held deletions", held)
		}
		g.set(deletionguard.Proceed)
		r.awaitOutcome(t, deleted, events.Done)
		r.awaitOutcome(t, created, events.Done)
		if live := len(r.vendor.live(email(1))); live != 1 {
			t.Errorf("%d accounts at the end", live)
		}
	})
}

// leaver is a handler of user.updated that deletes the account, as a rule of the team may ask.
func leaver() handlers.Handler {
	h := handlers.UserUpdated()
	plan := h.Plan
	h.Plan = func(v handlers.Vendor, e events.Event) (handlers.Plan, error) {
		p, err := plan(v, e)
		p.Do = func(ctx context.Context, k handlers.Known) (handlers.Reply, error) {
			if err := k.MayRemove(ctx); err != nil {
				return handlers.Reply{}, fmt.Errorf("leave: %w", err)
			}
			return handlers.Reply{Outcome: events.Done, Account: k.Account}, v.Adapter.(vendors.Deprovisioner).Delete(ctx, k.From, k.Account)
		}
		return p, err
	}
	return h
}

// A removal that only the attempt finds is held as a deletion is: without calls of the vendor, and
// without a share of the rate for each look.
func TestHeldLeavers(t *testing.T) {
	for name, c := range map[string]struct {
		verdict deletionguard.Verdict
		want    string
	}{"approved": {deletionguard.Proceed, events.Done}, "dropped": {deletionguard.Discard, events.Failed}} {
		t.Run(name, func(t *testing.T) {
			g := newGuard(deletionguard.Hold)
			list := []handlers.Handler{handlers.UserCreated(), leaver()}
			scenario(t, history{}, func(r *run) { r.guard, r.handlers = g, list }, func(t *testing.T, r *run) {
				r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e1", user: 1}), events.Done)
				admitted := r.admitted.Load()
				key := r.send(message{kind: events.UserUpdated, id: "e2", user: 1})
				r.awaitCommitted(t)
				time.Sleep(time.Hour)
				if n := g.count(); n < 9 || n > 13 || r.results() != 1 {
					t.Errorf("%d looks in an hour, and %d results", n, r.results())
				}
				if n := r.admitted.Load() - admitted; n != 1 {
					t.Errorf("%d shares of the rate for a held leaver, want one, of the first attempt", n)
				}
				if live := len(r.vendor.live(email(1))); live != 1 {
					t.Errorf("%d accounts during the hold", live)
				}
				g.set(c.verdict)
				r.awaitOutcome(t, key, c.want)
				if live := len(r.vendor.live(email(1))); (live == 0) != (c.want == events.Done) {
					t.Errorf("%d accounts", live)
				}
				if c.want == events.Failed && r.classOf(key) != "dropped" {
					t.Errorf("got class %q", r.classOf(key))
				}
			})
		})
	}
}

// A leaver who came before a drop of the held deletions ends as a dead letter, without a hold.
func TestDroppedLeavers(t *testing.T) {
	g := newGuard(deletionguard.Discard)
	list := []handlers.Handler{handlers.UserCreated(), leaver()}
	scenario(t, history{}, func(r *run) { r.guard, r.handlers = g, list }, func(t *testing.T, r *run) {
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e1", user: 1}), events.Done)
		key := r.send(message{kind: events.UserUpdated, id: "e2", user: 1})
		r.awaitOutcome(t, key, events.Failed)
		if live := len(r.vendor.live(email(1))); live != 1 || r.classOf(key) != "dropped" {
			t.Errorf("%d accounts, class %q", live, r.classOf(key))
		}
	})
}
