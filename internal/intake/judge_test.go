package intake_test

import (
	"fmt"
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
	place   int // in the stream, of the first copy: no other counts
	copies  int
	outcome string
}

// applied tells whether the vendor is, or was, as the event asks.
func (d *deed) applied() bool { return d.outcome == events.Done || d.outcome == events.AlreadyDone }

// deeds returns the events of a user, in the order of their first copies.
func (r *run) deeds(user int) (all []*deed) {
	known := map[int]*deed{}
	for place, p := range r.history.published {
		if p.user != user {
			continue
		}
		d := known[p.event]
		if d == nil {
			e := r.event(p)
			d = &deed{publication: p, outcome: r.published.data[events.ResultID(events.Key(e.Source(), e.ID()), "acme", 0)].Outcome}
			d.place = place
			known[p.event] = d
			all = append(all, d)
		}
		d.copies++
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
			if b.place > a.place && (life(b.kind) || a.kind == events.UserUpdated && b.kind == events.UserUpdated) {
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
		case d.copies > 1:
			return true
		case life(d.kind) && d.place < update.place:
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
			if snapshot(held.event) != a.data || !snapshots || newer.outcome != events.Done || newer.place <= held.place {
				continue
			}
			say("has the data of event %d (%s), and event %d (%s) is done", held.event, held.kind, newer.event, newer.kind)
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
		case !whole(d.kind) && newest != nil && newest.place > d.place:
		case !whole(d.kind):
			newest = d
		}
	}
	switch in := len(a.courses) > 0; {
	case newest == nil:
	case newest.kind == events.EnrollmentCancelled && in:
		say("is enrolled, and event %d cancelled it", newest.event)
	case newest.kind == events.EnrollmentRequested && !in && (deleted == nil || deleted.place < newest.place):
		say("is not enrolled, as event %d asked", newest.event)
	}
}

// checkRestorations looks for restorations that failed though there was an account.
func (r *run) checkRestorations(user int) (faults []string) {
	all := r.deeds(user)
	for _, a := range all {
		for _, b := range all {
			if a.kind == events.UserRestored && a.outcome == events.Failed && b.kind == events.UserCreated && b.applied() && b.place < a.place {
				faults = append(faults, fmt.Sprintf("event %d (%s) failed, though event %d had made an account", a.event, a.kind, b.event))
			}
		}
	}
	return faults
}

// endings returns whether the user may have an account at the end: what the last creation,
// deletion or restoration says. A restoration that failed has changed nothing.
func (r *run) endings(user int) []bool {
	var last *deed
	for _, d := range r.deeds(user) {
		if life(d.kind) && (d.kind != events.UserRestored || d.outcome != events.Failed) && (last == nil || last.place < d.place) {
			last = d
		}
	}
	return []bool{last != nil && last.kind != events.UserDeleted}
}
