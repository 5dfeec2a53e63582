package chaos

import (
	"fmt"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors/sandbox"
)

// ending is the state of a user by the events: the profile, and the account that the rules ask for.
type ending struct {
	alive     bool   // created, and not deleted since
	wasIn     bool   // in scope after some event since the last creation
	deletions int    // events
	lastName  string // of the profile
	role      string
	// open says that a repeat may count at its own position (docs/design.md, rule 5.11), so the end
	// is uncertain.
	open bool
}

// endingOf returns the state of a user after all events.
func endingOf(list []*asked) (e ending) {
	end := list[len(list)-1].first()
	for _, a := range list {
		e.open = e.open || a.last() > end
		switch a.kind {
		case events.UserDeleted:
			e = ending{deletions: e.deletions + 1, open: e.open}
			continue
		case events.UserCreated:
			e.alive = true
		}
		if a.lastName != nil {
			e.lastName = *a.lastName
		}
		if a.role != nil {
			e.role = *a.role
		}
		e.wasIn = e.wasIn || (e.alive && e.role == "learner")
	}
	return e
}

// rules adds the violations in the states of the vendors with rules of a team: at the end a vendor
// holds exactly what the rules say of the last profile, and nothing is removed without a deletion.
func (r *Report) rules() {
	for _, vendor := range r.history.vendors {
		h := newHoldings(vendor, r.history.state[vendor])
		for user, list := range r.history.users {
			e := endingOf(list)
			r.once(h, user, e)
			if e.open {
				r.Late++
				continue
			}
			r.ruled(h, user, e)
		}
	}
}

// once checks that no account is made twice, and none is deleted more often than asked. A disabled
// account is enabled, and no second account is made.
func (r *Report) once(h holdings, user string, e ending) {
	all := h.accounts[user]
	most, deleted := e.deletions+1, 0
	if h.vendor == disables {
		most = 1
	}
	for _, u := range all {
		if u.Deleted {
			deleted++
		}
	}
	if len(all) > most || deleted > e.deletions || len(all)-deleted > 1 {
		r.violate(violation{kind: "double account", user: user, vendor: h.vendor, text: fmt.Sprintf("after %d deletions: %+v", e.deletions, all)})
	}
}

// ruled compares the account of a user with the rules.
func (r *Report) ruled(h holdings, user string, e ending) {
	say := func(kind, format string, args ...any) {
		r.violate(violation{kind: kind, user: user, vendor: h.vendor, text: fmt.Sprintf(format, args...) + fmt.Sprintf(": %+v, %+v", e, h.accounts[user])})
	}
	var live []sandbox.User
	for _, u := range h.accounts[user] {
		if !u.Deleted {
			live = append(live, u)
		}
	}
	name := fmt.Sprintf("Ada %s (%s)", e.lastName, e.role)
	in := h.vendor != learners || e.role == "learner"
	switch {
	case !e.alive && len(live) > 0:
		say("resurrected", "the last event deletes the user")
	case e.alive && in && len(live) == 0:
		say("missing", "the rules ask for an account")
	case e.alive && in && h.vendor != disables && live[0].Name != name: // the API of operators has no names
		say("old data", "the rules ask for the name %q", name)
	case e.alive && !in && len(live) == 0 && r.provisioned(h.vendor, user):
		say("removed", "no rule removes the account of a user who leaves the scope")
	case e.alive && !in && len(live) > 0 && !e.wasIn:
		say("out of scope", "the user was never in scope")
	case e.alive && !in && len(live) > 0 && !strings.HasSuffix(live[0].Name, " (learner)"):
		say("old data", "a user out of scope was updated")
	}
}

// provisioned reports whether an event since the last deletion has changed the account.
func (r *Report) provisioned(vendor, user string) bool {
	yes := false
	for _, a := range r.history.users[user] {
		results := r.history.of(a, vendor)
		switch {
		case a.kind == events.UserDeleted:
			yes = false
		case len(results) > 0 && results[0].took():
			yes = true
		}
	}
	return yes
}
