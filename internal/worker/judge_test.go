package worker_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/usherhq/usher/events"
)

// whole tells whether an event concerns all of an account; life, whether it makes
// or ends it.
func whole(kind string) bool { return life(kind) || kind == events.UserUpdated }

func life(kind string) bool {
	return kind == events.UserCreated || kind == events.UserDeleted || kind == events.UserRestored
}

// deed is an event of one user, with what it came to.
type deed struct {
	publication
	places  []int // in the stream, of every copy
	outcome string
}

func (d *deed) first() int { return d.places[0] }
func (d *deed) last() int  { return d.places[len(d.places)-1] }

// applied tells whether the vendor is, or was, as the event asks.
func (d *deed) applied() bool { return d.outcome == events.Done || d.outcome == events.AlreadyDone }

// deeds returns the events of a user, in the order of their first copies.
func (r *run) deeds(user int) (all []*deed) {
	known := map[int]*deed{}
	for place, p := range r.published {
		if p.user != user {
			continue
		}
		d := known[p.event]
		if d == nil {
			e := r.event(p)
			d = &deed{publication: p, outcome: r.told.data[events.ResultID(events.Key(e.Source(), e.ID()), "acme", 0)].Outcome}
			known[p.event] = d
			all = append(all, d)
		}
		d.places = append(d.places, place)
	}
	return all
}

// overtaken returns the events that were overtaken by one that stands behind
// them: inside, and not by their producer.
func (r *run) overtaken(user int) (faults []string) {
	all := r.deeds(user)
	for _, a := range all {
		if a.outcome != events.Superseded || !whole(a.kind) || (a.kind == events.UserUpdated && waited(all, a)) {
			continue
		}
		for _, b := range all {
			if b.first() > a.first() && (life(b.kind) || a.kind == events.UserUpdated && b.kind == events.UserUpdated) {
				faults = append(faults, fmt.Sprintf("event %d (%s) was overtaken by event %d (%s)", a.event, a.kind, b.event, b.kind))
			}
		}
	}
	return faults
}

// waited tells whether an update may have had to wait for an account, and others
// then go before it. Where an event was published twice, there is no saying.
func waited(all []*deed, update *deed) bool {
	exists := false
	for _, d := range all {
		switch {
		case len(d.places) > 1:
			return true
		case life(d.kind) && d.first() < update.first():
			exists = d.kind != events.UserDeleted && d.applied()
		}
	}
	return !exists
}

// checkUser looks at what the vendor holds of a user at the end.
func (r *run) checkUser(user int) (faults []string) {
	say := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf("user %d ", user)+fmt.Sprintf(format, args...))
	}
	live := r.vendor.live(email(user))
	if len(live) > 1 {
		say("has %d accounts", len(live))
	}
	if may := r.endings(user); !slices.Contains(may, len(live) > 0) {
		say("has an account: %v; it may end as %v", len(live) > 0, may)
	}
	for _, a := range live {
		if len(a.courses) > 1 {
			say("is enrolled %d times", len(a.courses))
		}
	}
	return faults
}

// checkContent looks at what the user's account holds at the end.
func (r *run) checkContent(user int) (faults []string) {
	say := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf("user %d ", user)+fmt.Sprintf(format, args...))
	}
	for _, a := range r.vendor.live(email(user)) {
		r.checkData(user, a, say)
		r.checkCourse(user, a, say)
	}
	return faults
}

// checkData holds the account's data to the newest snapshot that was carried out.
// One case is left out: where an update came before a deletion and a creation that
// are older, the new account has the creation's data. No process brings that about
// on a pinned lane.
func (r *run) checkData(user int, a *account, say func(string, ...any)) {
	all := r.deeds(user)
	for _, held := range all {
		for _, newer := range all {
			snapshots := newer.kind == events.UserUpdated || newer.kind == events.UserCreated
			if snapshot(held.event) != a.data || !snapshots || newer.outcome != events.Done || newer.first() <= held.last() {
				continue
			}
			remade := slices.ContainsFunc(all, func(d *deed) bool {
				return d.kind == events.UserDeleted && d.applied() && d.first() < newer.last()
			})
			if r.pinned || held.kind != events.UserCreated || !remade {
				say("has the data of event %d (%s), and event %d (%s) is done", held.event, held.kind, newer.event, newer.kind)
			}
		}
	}
}

// checkCourse holds the account's enrolment to the newest request or cancellation
// that was carried out.
func (r *run) checkCourse(user int, a *account, say func(string, ...any)) {
	var newest, deleted *deed
	for _, d := range r.deeds(user) {
		switch {
		case !d.applied():
		case d.kind == events.UserDeleted:
			deleted = d
		case !whole(d.kind) && newest != nil && newest.last() > d.first():
			return // which of them is the newer one depends on the copy
		case !whole(d.kind):
			newest = d
		}
	}
	switch in := len(a.courses) > 0; {
	case newest == nil:
	case newest.kind == events.EnrollmentCancelled && in:
		say("is enrolled, and event %d cancelled it", newest.event)
	case newest.kind == events.EnrollmentRequested && !in && r.pinned && (deleted == nil || deleted.last() < newest.first()):
		say("is not enrolled, as event %d asked", newest.event)
	}
}

// checkRestorations looks for restorations that failed though there was an account.
func (r *run) checkRestorations(user int) (faults []string) {
	all := r.deeds(user)
	for _, a := range all {
		for _, b := range all {
			if a.kind == events.UserRestored && a.outcome == events.Failed && b.kind == events.UserCreated && b.applied() && b.last() < a.first() {
				faults = append(faults, fmt.Sprintf("event %d (%s) failed, though event %d had made an account", a.event, a.kind, b.event))
			}
		}
	}
	return faults
}

// endings returns whether the user may have an account at the end: what the last
// creation, deletion or restoration says. A duplicate whose first copy nobody had
// seen counts at its own place (docs/design.md, rule 5.11), so each copy may be the one. A
// restoration that failed has changed nothing.
func (r *run) endings(user int) []bool {
	lives := map[int]*deed{}
	for _, d := range r.deeds(user) {
		if life(d.kind) && (d.kind != events.UserRestored || d.outcome != events.Failed) {
			lives[d.event] = d
		}
	}
	var may []bool
	var choose func(rest []int, last int)
	choose = func(rest []int, last int) {
		if len(rest) > 0 {
			for _, place := range lives[rest[0]].places {
				choose(rest[1:], max(place, last))
			}
			return
		}
		exists := last >= 0 && r.published[last].kind != events.UserDeleted
		if !slices.Contains(may, exists) {
			may = append(may, exists)
		}
	}
	choose(slices.Sorted(maps.Keys(lives)), -1)
	return may
}
