package intake_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/vendors"
)

// The locales of users in scope, and of users out of scope.
const (
	inScope    = "en"
	outOfScope = "de"
)

// byLocale is a scope: all users but those with the locale outOfScope.
type byLocale struct{}

func (byLocale) HasScope() bool { return true }

func (byLocale) InScope(p handlers.Profile, _ events.Event) (bool, error) {
	var user struct{ Locale string }
	if err := json.Unmarshal(p.Data, &user); err != nil {
		return false, &handlers.RuleError{Rule: "scope", Problem: err.Error()}
	}
	return user.Locale != outOfScope, nil
}

func (byLocale) Map(_ handlers.Profile, _ events.Event, u vendors.User, _ bool) (vendors.User, error) {
	return u, nil
}

// scoped gives the vendor a scope, and a change for users who leave the scope.
func scoped(onLeave handlers.Removal) func(*run) {
	return func(r *run) {
		r.rules = byLocale{}
		r.config.Rules = handlers.Policy{OnLeave: onLeave}
		r.adapter = func(c client) vendors.Adapter { return disabler{c} }
	}
}

// moves sends an update that takes a user in or out of scope, and returns the result.
func (r *run) moves(t *testing.T, id, locale, want string) events.Result {
	t.Helper()
	key := r.send(message{kind: events.UserUpdated, id: id, user: 1, locale: locale})
	r.awaitOutcome(t, key, want)
	got, _ := r.result(key)
	return got
}

// A user who leaves the scope is kept, disabled or deleted, and has one account after each return.
func TestLeavingScope(t *testing.T) {
	for name, c := range map[string]struct {
		onLeave             handlers.Removal
		outcome, left, back string
		after, end          string
	}{
		"keep":    {"", events.Skipped, "update", events.ActionUpdated, "[active]", "[active]"},
		"disable": {handlers.DisableAccount, events.Done, events.ActionDisabled, events.ActionEnabled, "[disabled]", "[active]"},
		"delete":  {handlers.DeleteAccount, events.Done, events.ActionDeleted, events.ActionCreated, "[deleted]", "[deleted active]"},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, history{}, scoped(c.onLeave), func(t *testing.T, r *run) {
				r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "c", user: 1, locale: inScope}), events.Done)
				got := r.moves(t, "out", outOfScope, c.outcome)
				if got.Action != c.left || got.Reason != "scope" || r.state(t, 1) != c.after {
					t.Errorf("left: %+v, account %s", got, r.state(t, 1))
				}
				if got := r.moves(t, "still out", outOfScope, events.Skipped); got.Reason != "scope" || r.state(t, 1) != c.after {
					t.Errorf("still out: %+v, account %s", got, r.state(t, 1))
				}
				if got := r.moves(t, "back", inScope, events.Done); got.Action != c.back || r.state(t, 1) != c.end {
					t.Errorf("back: %+v, account %s", got, r.state(t, 1))
				}
				r.awaitOutcome(t, r.send(message{kind: events.UserDeleted, id: "d", user: 1}), events.Done)
			})
		})
	}
}

// An account that was disabled with the scope is deleted after the grace, unless the user enters
// the scope again.
func TestLeavingScopeWithAGrace(t *testing.T) {
	for name, back := range map[string]bool{"stays out": false, "enters again": true} {
		t.Run(name, func(t *testing.T) {
			scenario(t, history{}, func(r *run) {
				scoped(handlers.DisableAccount)(r)
				r.config.Rules.DeleteAfter = grace
			}, func(t *testing.T, r *run) {
				r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "c", user: 1, locale: inScope}), events.Done)
				r.moves(t, "out", outOfScope, events.Done)
				key := laterKey(events.Key("/school", "out"))
				time.Sleep(third)
				want, state := events.Done, "[deleted]"
				if back {
					want, state = events.Superseded, "[active]"
					r.moves(t, "back", inScope, events.Done)
				}
				r.await(t, "the result of the later deletion", func() bool { _, ok := r.result(key); return ok })
				time.Sleep(2 * grace)
				got, _ := r.result(key)
				if got.Outcome != want || got.Event.Type != events.UserUpdated || got.Event.ID != "out" || r.state(t, 1) != state {
					t.Errorf("got %+v, account %s", got, r.state(t, 1))
				}
			})
		})
	}
}

// A user who is out of scope is not restored, and has the profile from before the deletion.
func TestRestorationGoesByTheProfile(t *testing.T) {
	for locale, want := range map[string]string{inScope: "[active]", outOfScope: "[deleted]"} {
		t.Run(locale, func(t *testing.T) {
			scenario(t, history{}, scoped(""), func(t *testing.T, r *run) {
				r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "c", user: 1, locale: inScope}), events.Done)
				r.send(message{kind: events.UserUpdated, id: "u", user: 1, locale: locale})
				r.awaitOutcome(t, r.send(message{kind: events.UserDeleted, id: "d", user: 1}), events.Done)
				back := r.send(message{kind: events.UserRestored, id: "r", user: 1})
				r.await(t, "a result", func() bool { _, ok := r.result(back); return ok })
				if got := r.state(t, 1); got != want {
					t.Errorf("account %s, want %s", got, want)
				}
				if locale == inScope { // an update without the locale goes by the profile
					r.moves(t, "u2", "", events.Done)
				}
			})
		})
	}
}

// Leaving counts as a deletion for may, for shadow, and for the deletion guard.
func TestLeavingScopeNeedsTheRightToDelete(t *testing.T) {
	for name, c := range map[string]struct {
		policy handlers.Policy
		reason string
	}{
		"without deletions": {handlers.Policy{OnLeave: handlers.DeleteAccount, May: []string{"create", "update"}}, "may"},
		"without updates":   {handlers.Policy{OnLeave: handlers.DeleteAccount, May: []string{"delete"}}, "scope"},
		"shadow":            {handlers.Policy{OnLeave: handlers.DeleteAccount, Shadow: true}, "shadow"},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, history{}, func(r *run) {
				scoped("")(r)
				inner := r.adapter
				r.adapter = func(v client) vendors.Adapter {
					if r.config.Rules.Shadow {
						return readOnly{disabler{v}}
					}
					return inner(v)
				}
			}, func(t *testing.T, r *run) {
				r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "c", user: 1, locale: inScope}), events.Done)
				r.configure(c.policy)
				key := r.send(message{kind: events.UserUpdated, id: "out", user: 1, locale: outOfScope})
				r.await(t, "a result", func() bool { _, ok := r.result(key); return ok })
				got, _ := r.result(key)
				if left := c.reason == "scope"; got.Reason != c.reason || left != (got.Outcome == events.Done) || !left && got.Action != "delete" || left != (r.state(t, 1) == "[deleted]") {
					t.Errorf("got %+v, account %s", got, r.state(t, 1))
				}
			})
		})
	}
}

// readOnly refuses every change, as the client in mode shadow does.
type readOnly struct{ disabler }

func (readOnly) Delete(context.Context, vendors.Origin, vendors.Account) error {
	return vendors.ErrReadOnly
}

func TestGuardHoldsUsersWhoLeave(t *testing.T) {
	for verdict, want := range map[deletionguard.Verdict]string{deletionguard.Proceed: "[deleted]", deletionguard.Discard: "[active]"} {
		t.Run(fmt.Sprint(verdict), func(t *testing.T) {
			g := newGuard(deletionguard.Hold)
			scenario(t, history{}, func(r *run) { scoped(handlers.DeleteAccount)(r); r.guard = g }, func(t *testing.T, r *run) {
				r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "c", user: 1, locale: inScope}), events.Done)
				key := r.send(message{kind: events.UserUpdated, id: "out", user: 1, locale: outOfScope})
				r.awaitCommitted(t)
				time.Sleep(time.Minute)
				admitted := r.admitted.Load()
				time.Sleep(30 * time.Minute)
				if got := r.state(t, 1); got != "[active]" || r.results() != 1 || r.admitted.Load() != admitted {
					t.Errorf("while deletions are held: account %s, %d results, %d shares of the rate", got, r.results(), r.admitted.Load()-admitted)
				}
				g.set(verdict)
				r.await(t, "the result", func() bool { _, ok := r.result(key); return ok })
				if got := r.state(t, 1); got != want || (r.classOf(key) == "dropped") != (want == "[active]") {
					t.Errorf("account %s, class %q", got, r.classOf(key))
				}
			})
		})
	}
}

// A replay that is skipped for want of a right, or in mode shadow, leaves the dead letter ready for
// a further replay. A replay that the scope keeps from the vendor ends the dead letter.
func TestSkippedReplay(t *testing.T) {
	for name, c := range map[string]struct {
		policy handlers.Policy
		locale string
		stays  bool
	}{
		"may":    {handlers.Policy{May: []string{"update"}}, inScope, true},
		"shadow": {handlers.Policy{Shadow: true}, inScope, true},
		"scope":  {handlers.Policy{}, outOfScope, false},
	} {
		t.Run(name, func(t *testing.T) {
			broken := true
			scenario(t, history{}, func(r *run) {
				scoped("")(r)
				r.adapter = func(v client) vendors.Adapter {
					if r.config.Rules.Shadow {
						return noCreation{disabler{v}, vendors.ErrReadOnly}
					}
					if broken {
						return noCreation{disabler{v}, &vendors.Error{Vendor: "acme", Status: 422, Class: vendors.Permanent}}
					}
					return disabler{v}
				}
			}, func(t *testing.T, r *run) {
				key := r.send(message{kind: events.UserCreated, id: "c", user: 1, locale: inScope})
				r.awaitDead(t, key, "permanent")
				d := r.letter(key)
				broken = false
				r.configure(c.policy)
				if c.locale == outOfScope {
					r.awaitOutcome(t, r.send(message{kind: events.UserUpdated, id: "u", user: 1, locale: c.locale}), events.Skipped)
				}
				r.resend(d)
				r.await(t, "the end of the replay", func() bool { return len(r.server.replaysLeft()) == 0 })
				if got, _ := r.resultOf(key, 1); got.Outcome != events.Skipped || got.Reason != name {
					t.Errorf("got %+v", got)
				}
				if got := r.letter(key); (got.Class != "") != c.stays || c.stays && got.Replay != 1 {
					t.Errorf("got the dead letter %q, replay %d", got.Class, got.Replay)
				}
				if !c.stays {
					return
				}
				r.configure(handlers.Policy{})
				r.resend(r.letter(key))
				r.await(t, "the second replay", func() bool { _, ok := r.resultOf(key, 2); return ok && r.letter(key).Class == "" })
				if got := r.state(t, 1); got != "[active]" {
					t.Errorf("account %s", got)
				}
			})
		})
	}
}

// noCreation refuses creations.
type noCreation struct {
	disabler

	err error
}

func (n noCreation) Create(context.Context, vendors.Origin, vendors.User) (vendors.Account, error) {
	return vendors.Account{}, n.err
}
