package intake_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// timedPolicy is a change of the configuration.
type timedPolicy struct {
	after  time.Duration
	policy handlers.Policy
}

// ruledHistories draws histories under a scope, with users who enter and leave the scope, and with
// changes of on_delete, on_leave, delete_after and may in between.
var ruledHistories = rapid.Custom(func(t *rapid.T) history {
	h := drawHistory(t, rapid.IntRange(1, 2).Draw(t, "users"))
	h.upserts = false
	kinds := []string{events.UserCreated, events.UserUpdated, events.UserUpdated, events.UserUpdated, events.UserDeleted, events.UserRestored}
	drawn := map[int]publication{} // a duplicate is the same event
	for i, p := range h.published {
		first, again := drawn[p.event]
		if !again {
			first = publication{kind: rapid.SampledFrom(kinds).Draw(t, "ruled kind"), out: rapid.Bool().Draw(t, "out")}
			drawn[p.event] = first
		}
		h.published[i].kind, h.published[i].out = first.kind, first.out
	}
	for range rapid.IntRange(1, 4).Draw(t, "policies") {
		p := drawPolicy(t)
		h.policies = append(h.policies, timedPolicy{time.Duration(rapid.IntRange(0, 20_000).Draw(t, "policy at")) * time.Millisecond, p})
	}
	drawAdopt(t, &h)
	h.policies[0].after = 0
	slices.SortFunc(h.policies, func(a, b timedPolicy) int { return int(a.after - b.after) })
	for i := range h.policies { // one after the other
		h.policies[i].after += time.Duration(i) * 10 * time.Millisecond
	}
	return h
})

// drawAdopt draws accounts from before, and events of their user. With adopt: never the vendor keeps our
// ids: otherwise an account of Usher that a crash leaves unknown stays unadopted.
func drawAdopt(t *rapid.T, h *history) {
	h.keepsIDs, h.foreign = rapid.Bool().Draw(t, "keeps ids"), rapid.IntRange(0, 2).Draw(t, "foreign")
	words := []handlers.Adopt{handlers.AdoptAlways, handlers.AdoptUnclaimed}
	if h.keepsIDs {
		words = []handlers.Adopt{handlers.AdoptNever, handlers.AdoptNever, handlers.AdoptAlways, handlers.AdoptUnclaimed}
	}
	same := rapid.Bool().Draw(t, "one adopt")
	for i := range h.policies {
		h.policies[i].policy.Adopt = rapid.SampledFrom(words).Draw(t, "adopt")
		if same {
			h.policies[i].policy.Adopt = h.policies[0].policy.Adopt
		}
	}
	moved := map[int]bool{} // a duplicate is of the same user
	for i, p := range h.published {
		if _, drawn := moved[p.event]; !drawn {
			moved[p.event] = h.foreign > 0 && rapid.IntRange(0, 2).Draw(t, "of user 2") == 0
		}
		if moved[p.event] {
			h.published[i].user = 2
		}
	}
}

// addForeign makes the accounts from before.
func (r *run) addForeign() {
	r.vendor.keepsIDs = r.keepsIDs
	for range r.foreign {
		a := r.vendor.add(vendors.User{Email: email(2), FirstName: "by hand"})
		a.foreign = true
	}
}

// checkForeign checks that Usher has touched no account from before that is ambiguous, or that no policy
// adopts, and that such a user has no other account.
func (r *run) checkForeign() (faults []string) {
	adopts := slices.ContainsFunc(r.policies, func(p timedPolicy) bool { return p.policy.Adopt != handlers.AdoptNever })
	if r.foreign == 0 || r.foreign == 1 && adopts {
		return nil
	}
	r.vendor.mu.Lock()
	defer r.vendor.mu.Unlock()
	for _, a := range r.vendor.accounts {
		switch touched := a.deleted || a.disabled || a.data != "by hand" || len(a.courses) > 0; {
		case a.foreign && touched:
			faults = append(faults, fmt.Sprintf("an account from before was changed: %+v", *a))
		case !a.foreign && a.email == email(2):
			faults = append(faults, fmt.Sprintf("an account was made beside the accounts from before: %+v", *a))
		}
	}
	return faults
}

func drawPolicy(t *rapid.T) handlers.Policy {
	removal := rapid.SampledFrom([]handlers.Removal{handlers.KeepAccount, handlers.DisableAccount, handlers.DeleteAccount})
	p := handlers.Policy{
		OnDelete: removal.Draw(t, "on_delete"), OnLeave: removal.Draw(t, "on_leave"),
		DeleteAfter: time.Duration(rapid.SampledFrom([]int{0, 1, 8, 60}).Draw(t, "delete_after")) * time.Second,
	}
	if rapid.IntRange(0, 4).Draw(t, "may") == 0 {
		p.May = []string{"create", "update", "restore"}
	}
	return p
}

// localeOf returns the locale of a user in scope or out of scope.
func localeOf(out bool) string {
	if out {
		return outOfScope
	}
	return inScope
}

// startRules begins the changes of the configuration.
func (r *run) startRules() {
	if r.policies == nil {
		return
	}
	r.addForeign()
	r.rules = byLocale{}
	r.config.Rules = r.policies[0].policy
	r.adapter = func(c client) vendors.Adapter { return disabler{c} }
	r.vendor.deleting = func(key, account string) {
		r.checkPolicy(key, handlers.DeleteAccount)
		r.checkLater(key, account)
	}
	r.vendor.disabling = func(key string) { r.checkPolicy(key, handlers.DisableAccount) }
	for _, p := range r.policies[1:] {
		time.AfterFunc(p.after, func() { r.configure(p.policy) })
	}
}

// checkPolicy notes a fault if no policy of the run asks for the removal of an account by an event.
func (r *run) checkPolicy(key string, removal handlers.Removal) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	kind := r.keys()[key].kind
	asks := func(p timedPolicy) bool {
		removes := p.policy.May == nil
		switch kind {
		case events.UserDeleted:
			return removes && p.policy.OnDelete == removal
		case events.UserUpdated:
			return removes && p.policy.OnLeave == removal
		}
		return removes && removal == handlers.DeleteAccount && p.policy.DeleteAfter > 0 // a later deletion
	}
	if !slices.ContainsFunc(r.policies, asks) {
		r.server.faults = append(r.server.faults, fmt.Sprintf("%s by a %q of key %s, and no policy says so", removal, kind, key))
	}
}

// checkLater notes a fault if a later deletion reaches an account that is not disabled. The accounts
// are locked.
func (r *run) checkLater(key, account string) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	if _, own := r.keys()[key]; own {
		return
	}
	for _, a := range r.vendor.accounts {
		if a.id == account && !a.disabled {
			r.server.faults = append(r.server.faults, "a later deletion reached the active account "+account)
		}
	}
}

// laters returns the number of results of later deletions. The results are locked.
func (r *run) laters() (n int) {
	if r.policies == nil {
		return 0
	}
	for key := range r.keys() {
		for replay := range 8 {
			if _, ok := r.published.results[events.ResultID(events.Key(key, fmt.Sprintf("delete_after/%d", replay)), "acme", 0)]; ok {
				n++
			}
		}
	}
	return n
}

// settleRules lets every user come back in scope, and leave the scope, under the last policy. The
// vendor must then hold the accounts that the rules ask for.
func (r *run) settleRules() (faults []string) {
	policy := r.policies[len(r.policies)-1].policy
	for user := range 2 {
		var states []string
		for i, step := range []struct {
			kind string
			out  bool
		}{{events.UserCreated, false}, {events.UserUpdated, false}, {events.UserUpdated, true}, {events.UserUpdated, false}} {
			id := 1000 + 10*user + i
			p := publication{event: id, user: user, kind: step.kind, out: step.out}
			r.history.published = append(r.history.published, p)
			r.send(message{kind: p.kind, id: fmt.Sprint("e", id), user: user, locale: localeOf(p.out), name: snapshot(id)})
			for end := time.Now().Add(40 * time.Minute); !r.done() && time.Now().Before(end); {
				time.Sleep(time.Second)
			}
			states = append(states, r.shape(user))
		}
		if want := settled(policy); !slices.Equal(states, want) {
			faults = append(faults, fmt.Sprintf("user %d has the accounts %q, want %q, under %+v", user, states, want, policy))
		}
	}
	return faults
}

// settled returns the accounts of a user after the steps of settleRules.
func settled(p handlers.Policy) []string {
	out := "active"
	if p.May == nil {
		switch p.OnLeave {
		case handlers.DisableAccount:
			out = "disabled"
			if p.DeleteAfter > 0 {
				out = "none"
			}
		case handlers.DeleteAccount:
			out = "none"
		}
	}
	return []string{"active", "active", out, "active"}
}

// shape returns the accounts of a user: none, or the states of all that are not deleted. An active
// account has the data of the last event in scope.
func (r *run) shape(user int) string {
	r.vendor.mu.Lock()
	defer r.vendor.mu.Unlock()
	shape := ""
	for _, a := range r.vendor.accounts {
		switch {
		case a.email != email(user) || a.deleted:
		case a.disabled:
			shape += "disabled"
		default:
			shape += "active"
		}
	}
	if shape == "" {
		return "none"
	}
	return shape
}

// TestHistoriesUnderRules holds random histories under changing rules to the rules, and to
// docs/design.md, rules 12.1 to 12.3 and 5.22.
func TestHistoriesUnderRules(t *testing.T) { checkHistories(t, ruledHistories) }
