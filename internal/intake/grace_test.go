package intake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// disabler is the vendor with accounts that can be disabled.
type disabler struct{ client }

func (d disabler) Disable(ctx context.Context, _ vendors.Origin, a vendors.Account) error {
	err := d.call(ctx, false, func() error {
		return d.with(a.ID, func(a *account) { a.disabled, a.courses = true, nil })
	})
	if vendors.IsGone(err) {
		return nil
	}
	return err
}

func (d disabler) Enable(ctx context.Context, _ vendors.Origin, a vendors.Account) error {
	err := d.call(ctx, false, func() error { return d.with(a.ID, func(a *account) { a.disabled = false }) })
	if vendors.IsGone(err) {
		return vendors.ErrNotFound
	}
	return err
}

// grace is the time from the disabling of an account until the deletion.
const (
	grace = 21 * time.Minute
	third = grace / 3
)

// graceful lets deletions disable at first, and delete after the grace.
func graceful(r *run) {
	r.config.Rules = mailbox.Rules{Disable: true, DeleteAfter: grace}
	r.adapter = func(c client) vendors.Adapter { return disabler{c} }
}

// laterKey returns the key of the later deletion of an event.
func laterKey(key string) string { return events.Key(key, "delete_after/0") }

// state returns the state of the only account of a user: active, disabled or deleted.
func (r *run) state(t *testing.T, user int) string {
	t.Helper()
	r.vendor.mu.Lock()
	defer r.vendor.mu.Unlock()
	var states []string
	for _, a := range r.vendor.accounts {
		switch {
		case a.email != email(user):
		case a.deleted:
			states = append(states, "deleted")
		case a.disabled:
			states = append(states, "disabled")
		default:
			states = append(states, "active")
		}
	}
	return fmt.Sprint(states)
}

// leave sends the creation and the deletion of a user, waits for the disabling, and returns the
// key of the deletion.
func (r *run) leave(t *testing.T, user int) string {
	t.Helper()
	r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: fmt.Sprint("c", user), user: user}), events.Done)
	key := r.send(message{kind: events.UserDeleted, id: fmt.Sprint("d", user), user: user})
	r.awaitOutcome(t, key, events.Done)
	if got, _ := r.result(key); got.Action != events.ActionDisabled || r.state(t, user) != "[disabled]" {
		t.Errorf("got %+v, account %s", got, r.state(t, user))
	}
	r.awaitCommitted(t)
	return key
}

// awaitLater waits for the result of a later deletion, and checks outcome, reason and event.
func (r *run) awaitLater(t *testing.T, key, outcome string) {
	t.Helper()
	r.await(t, "the result of the later deletion", func() bool { _, ok := r.result(laterKey(key)); return ok })
	got, _ := r.result(laterKey(key))
	if got.Outcome != outcome || got.Reason != "delete_after" || got.Event.Type != events.UserDeleted || got.Event.Source != "/school" {
		t.Errorf("got %+v, want outcome %s with reason delete_after", got, outcome)
	}
	if n := r.server.pending(); n != 0 {
		t.Errorf("%d records with pending effects", n)
	}
}

// A deletion disables the account, and deletes the account at the end of the grace: with a result
// of its own, even if the event has left the stream and all timers were lost.
func TestDeletionAfterTheGrace(t *testing.T) {
	scenario(t, history{}, graceful, func(t *testing.T, r *run) {
		begun := time.Now()
		key := r.leave(t, 1)
		r.server.mu.Lock()
		r.server.first = 3
		r.server.mu.Unlock()
		r.server.purgeTimers()
		time.Sleep(grace - time.Since(begun) - time.Minute)
		if _, ok := r.result(laterKey(key)); ok || r.state(t, 1) != "[disabled]" {
			t.Errorf("within the grace: %s", r.state(t, 1))
		}
		r.awaitLater(t, key, events.Done)
		if got, _ := r.result(laterKey(key)); got.Action != events.ActionDeleted || got.AccountID != "1" || r.state(t, 1) != "[deleted]" {
			t.Errorf("got %+v, account %s", got, r.state(t, 1))
		}
		if took := time.Since(begun); took > grace+time.Minute || r.results() != 3 {
			t.Errorf("%v until the deletion, %d results", took, r.results())
		}
	})
}

// A user who comes back within the grace has the same account, which is never deleted.
func TestReturnWithinTheGrace(t *testing.T) {
	for _, kind := range []string{events.UserCreated, events.UserRestored} {
		t.Run(kind, func(t *testing.T) {
			scenario(t, history{}, graceful, func(t *testing.T, r *run) {
				key := r.leave(t, 1)
				time.Sleep(third)
				back := r.send(message{kind: kind, id: "back", user: 1})
				r.awaitOutcome(t, back, events.Done)
				r.awaitLater(t, key, events.Superseded)
				time.Sleep(2 * grace)
				if got, _ := r.result(back); got.Action != events.ActionEnabled || r.state(t, 1) != "[active]" || r.results() != 4 {
					t.Errorf("got %+v, account %s, %d results", got, r.state(t, 1), r.results())
				}
			})
		})
	}
}

// A further deletion neither extends the grace, nor deletes twice.
func TestRepeatedDeletionKeepsTheGrace(t *testing.T) {
	scenario(t, history{}, graceful, func(t *testing.T, r *run) {
		begun, first := time.Now(), r.leave(t, 1)
		time.Sleep(2 * third)
		second := r.send(message{kind: events.UserDeleted, id: "again", user: 1})
		r.awaitOutcome(t, second, events.AlreadyDone)
		r.await(t, "the end of the first later deletion", func() bool { _, ok := r.result(laterKey(first)); return ok })
		r.awaitLater(t, second, events.Done)
		if took := time.Since(begun); took > grace+time.Minute || r.state(t, 1) != "[deleted]" {
			t.Errorf("%v until the deletion, account %s", took, r.state(t, 1))
		}
		if got, _ := r.result(laterKey(first)); got.Outcome != events.Superseded {
			t.Errorf("the first later deletion: %+v", got)
		}
	})
}

// The grace follows the configuration: a shorter or longer grace counts from the disabling. Without
// the rule nothing is deleted.
func TestGraceFollowsTheConfiguration(t *testing.T) {
	none := mailbox.Rules{Disable: true}
	set := func(d time.Duration) mailbox.Rules { return mailbox.Rules{Disable: true, DeleteAfter: d} }
	for name, c := range map[string]struct {
		rules   mailbox.Rules
		outcome string
		after   time.Duration
		state   string
	}{
		"shorter":           {set(2 * third), events.Done, 2 * third, "[deleted]"},
		"past already":      {set(time.Minute), events.Done, third, "[deleted]"},
		"longer":            {set(5 * third), events.Done, 5 * third, "[deleted]"},
		"removed":           {none, events.Skipped, grace, "[disabled]"},
		"deletions at once": {mailbox.Rules{}, events.Skipped, grace, "[disabled]"},
		"accounts are kept": {mailbox.Rules{Keep: true}, events.Skipped, grace, "[disabled]"},
		"no deletions":      {mailbox.Rules{Disable: true, DeleteAfter: grace, May: []string{"create"}}, events.Skipped, grace, "[disabled]"},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, history{}, graceful, func(t *testing.T, r *run) {
				begun, key := time.Now(), r.leave(t, 1)
				time.Sleep(third)
				r.configure(c.rules)
				r.await(t, "a result", func() bool { _, ok := r.result(laterKey(key)); return ok })
				if took := time.Since(begun); took < c.after || took > c.after+time.Minute {
					t.Errorf("got the result after %v, want %v", took, c.after)
				}
				if got, _ := r.result(laterKey(key)); got.Outcome != c.outcome || r.state(t, 1) != c.state {
					t.Errorf("got %+v, account %s; want %s, %s", got, r.state(t, 1), c.outcome, c.state)
				}
			})
		})
	}
}

// The deletion guard holds a later deletion, and a user who comes back meanwhile does not wait.
func TestGuardHoldsALaterDeletion(t *testing.T) {
	g := newGuard(deletionguard.Proceed)
	scenario(t, history{}, func(r *run) { graceful(r); r.guard = g }, func(t *testing.T, r *run) {
		stays, returns := r.leave(t, 1), r.leave(t, 2)
		g.set(deletionguard.Hold)
		time.Sleep(2 * grace)
		if got := r.state(t, 1) + r.state(t, 2); got != "[disabled][disabled]" {
			t.Errorf("while deletions are held: %s", got)
		}
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "back", user: 2}), events.Done)
		g.set(deletionguard.Proceed)
		r.await(t, "both results", func() bool {
			_, one := r.result(laterKey(stays))
			_, two := r.result(laterKey(returns))
			return one && two
		})
		if got := r.state(t, 1) + r.state(t, 2); got != "[deleted][active]" {
			t.Errorf("after the hold: %s", got)
		}
	})
}

// A failed later deletion is a dead letter of its own, and a replay deletes the account.
func TestReplayOfALaterDeletion(t *testing.T) {
	broken := true
	scenario(t, history{}, func(r *run) {
		graceful(r)
		r.adapter = func(c client) vendors.Adapter { return brokenDeletion{disabler{c}, &broken} }
	}, func(t *testing.T, r *run) {
		key := laterKey(r.leave(t, 1))
		r.awaitDead(t, key, "permanent")
		broken = false
		r.resend(r.letter(key))
		r.await(t, "the result of the replay", func() bool { _, ok := r.resultOf(key, 1); return ok })
		if got, _ := r.resultOf(key, 1); got.Action != events.ActionDeleted || r.state(t, 1) != "[deleted]" || r.classOf(key) != "" {
			t.Errorf("got %+v, account %s, class %q", got, r.state(t, 1), r.classOf(key))
		}
	})
}

// brokenDeletion refuses deletions as long as broken is set.
type brokenDeletion struct {
	disabler

	broken *bool
}

func (b brokenDeletion) Delete(ctx context.Context, o vendors.Origin, a vendors.Account) error {
	if *b.broken {
		return &vendors.Error{Vendor: "acme", Status: 422, Class: vendors.Permanent}
	}
	return b.disabler.Delete(ctx, o, a)
}

// A process may die between any two operations of a disabling and of the later deletion.
func TestCrashWithinTheGrace(t *testing.T) {
	for n := 1; n <= 100; n++ {
		h := history{seed: uint64(n), lifespans: []lifespan{{dieAt: n, after: n%2 == 0}, {}, {dieAt: n / 2}}}
		scenario(t, h, func(r *run) { graceful(r); r.config.Rules.DeleteAfter = time.Minute }, func(t *testing.T, r *run) {
			created := r.send(message{kind: events.UserCreated, id: "c", user: 1})
			key := r.send(message{kind: events.UserDeleted, id: "d", user: 1})
			r.await(t, fmt.Sprint("three results, with a death at operation ", n), func() bool { return r.results() == 3 && r.server.pending() == 0 })
			for _, k := range []string{created, key, laterKey(key)} {
				if got, ok := r.result(k); !ok || got.Outcome != events.Done {
					t.Errorf("death at operation %d: %+v", n, got)
				}
			}
			if got := r.state(t, 1); got != "[deleted]" {
				t.Errorf("death at operation %d: account %s", n, got)
			}
		})
	}
}

// The record has the later deletion until the end, and the index leaves the account to the user.
func TestRecordWithinTheGrace(t *testing.T) {
	scenario(t, history{}, graceful, func(t *testing.T, r *run) {
		r.leave(t, 1)
		r.records(func(one *record.Record) {
			later, ok := one.InGrace()
			if !ok || !one.Idle() || record.HoldOf(one, "1") != record.Held || later.Due.Sub(later.Registered) != grace {
				t.Errorf("got %+v, idle %v, hold %v", later, one.Idle(), record.HoldOf(one, "1"))
			}
			if one.Pending[0].Origin == "" {
				t.Errorf("got %+v", one.Pending)
			}
		})
	})
}

// The timer of a later deletion is set before the position of the event is committed: otherwise
// nothing would wake the mailbox of a process that dies.
func TestTimerOfALaterDeletionComesFirst(t *testing.T) {
	scenario(t, history{}, graceful, func(t *testing.T, r *run) {
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "c", user: 1}), events.Done)
		r.awaitCommitted(t)
		time.Sleep(time.Minute) // until no timer is left
		r.timers(false)
		key := r.send(message{kind: events.UserDeleted, id: "d", user: 1})
		r.await(t, "the disabling", func() bool { return r.state(t, 1) == "[disabled]" })
		time.Sleep(time.Minute)
		if r.position() != 1 {
			t.Error("the position passed an event without a timer")
		}
		r.timers(true)
		r.awaitOutcome(t, key, events.Done)
		r.awaitLater(t, key, events.Done)
	})
}

// timers lets timers be set, or not.
func (r *run) timers(work bool) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.server.timersAway = !work
}

// brokenReturn refuses to enable accounts.
type brokenReturn struct{ disabler }

func (b brokenReturn) Enable(context.Context, vendors.Origin, vendors.Account) error {
	return &vendors.Error{Vendor: "acme", Status: 422, Class: vendors.Permanent}
}

// The return of a user ends the grace even if the vendor refuses the return: a person has to look.
func TestFailedReturnEndsTheGrace(t *testing.T) {
	scenario(t, history{}, func(r *run) {
		graceful(r)
		r.adapter = func(c client) vendors.Adapter { return brokenReturn{disabler{c}} }
	}, func(t *testing.T, r *run) {
		key := r.leave(t, 1)
		r.awaitDead(t, r.send(message{kind: events.UserCreated, id: "back", user: 1}), "permanent")
		r.awaitLater(t, key, events.Superseded)
		time.Sleep(2 * grace)
		if got := r.state(t, 1); got != "[disabled]" {
			t.Errorf("account %s", got)
		}
	})
}
