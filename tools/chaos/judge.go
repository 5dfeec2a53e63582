package chaos

import (
	"fmt"
	"time"

	"github.com/usherhq/usher/events"
)

// judge returns a report with the violations in the results (docs/design.md, rules 12.1 to 12.3
// and 12.6).
func judge(h *history) *Report {
	r := &Report{history: h, Events: len(h.events), Posts: h.posts, Outcomes: map[string]int{}, Republished: h.published.again}
	for _, id := range h.published.changed {
		r.violate(violation{kind: "two contents", text: "the result " + id + " was published with two contents"})
	}
	effects := map[string]bool{}
	for _, a := range h.events {
		for _, vendor := range h.vendors {
			if takesPart(a, vendor) {
				r.Effects++
				effects[events.ResultID(a.key, vendor, 0)] = true
				r.effect(a, vendor)
			}
		}
	}
	for _, a := range h.events {
		if h.ruled && a.kind == events.UserDeleted {
			effects[laterResult(a)] = true
			r.later(a)
		}
	}
	for id := range h.results {
		if !effects[id] {
			r.violate(violation{kind: "result of nothing", text: "no event asked for the result " + id})
		}
	}
	for user, list := range h.users {
		for _, vendor := range h.vendors {
			r.order(user, vendor, list)
			r.activityOrder(user, vendor, list)
		}
	}
	return r
}

// plain adds the violations in the states of the vendors without rules of a team.
func (r *Report) plain() {
	for _, vendor := range r.history.vendors {
		r.vendor(vendor)
	}
}

// effect checks that an effect has exactly one result.
func (r *Report) effect(a *asked, vendor string) {
	say := func(kind, format string, args ...any) {
		r.violate(violation{kind: kind, user: a.user, vendor: vendor, text: fmt.Sprintf("%s %s (EVENTS %v): ", a.kind, a.id, a.places) + fmt.Sprintf(format, args...)})
	}
	results := r.history.of(a, vendor)
	if len(results) == 0 {
		say("no outcome", "the effect has no result")
		return
	}
	for _, other := range results[1:] {
		say("double result", "RESULTS %d and %d", results[0].seq, other.seq)
		if other.payload != results[0].payload {
			say("two contents", "%s and %s", results[0].payload, other.payload)
		}
	}
	r.Outcomes[results[0].Outcome]++
	switch results[0].Outcome {
	case events.Failed:
		say("failed", "%+v", *results[0].Error)
		if !r.history.dead[vendor+a.key] {
			say("no dead letter", "the effect failed without an entry in DEADLETTERS")
		}
	case events.Superseded:
		if !files[vendor].activity { // without accounts nothing is lost
			r.superseded(a, say)
		}
	}
}

// superseded finds the cause of a superseded effect, by the order of the stream. If the superseding
// event follows, usher reordered the effects. If only a duplicate of that event follows, with the
// first copy before the effect, the producer is the cause.
func (r *Report) superseded(a *asked, say func(kind, format string, args ...any)) {
	overtakes := func(by func(*asked) bool) (inside, late bool) {
		for _, b := range r.history.users[a.user] {
			if b != a && by(b) {
				inside = inside || b.first() > a.first()
				late = late || b.last() > a.first()
			}
		}
		return inside, late
	}
	deleted, deletedLate := overtakes(func(b *asked) bool { return b.kind == events.UserDeleted })
	newer, newerLate := overtakes(func(b *asked) bool { return lifecycle(b) || (whole(b) && a.kind == events.UserUpdated) })
	enrolled, enrolledLate := overtakes(func(b *asked) bool { return inCourse(b) && b.course == a.course })
	switch {
	case r.history.ruled && deleted: // the profile has the later deletion
		r.Overtaken++
	case whole(a) && newer:
		r.SupersededLife++
		say("superseded", "a later creation, update, deletion or restoration was applied first")
	case inCourse(a) && deleted:
		r.Overtaken++
	case inCourse(a) && enrolled:
		r.SupersededCourse++
	case deletedLate, newerLate && whole(a), enrolledLate && inCourse(a):
		r.Late++
	default:
		say("superseded", "no later event in the stream supersedes the effect")
	}
}

// order finds older effects on a whole account applied after a newer effect. The time of an outcome
// is the end of the call under the claim.
func (r *Report) order(user, vendor string, list []*asked) {
	for i, older := range list {
		for _, newer := range list[i+1:] {
			if !whole(older) || !whole(newer) || older.last() > newer.first() {
				continue
			}
			before, after := r.history.of(older, vendor), r.history.of(newer, vendor)
			if len(before) > 0 && len(after) > 0 && before[0].took() && after[0].took() && before[0].at.After(after[0].at) {
				r.violate(violation{kind: "older after newer", user: user, vendor: vendor, text: fmt.Sprintf("%s (EVENTS %d) was applied at %s, %s (EVENTS %d) at %s",
					older.id, older.first(), before[0].at, newer.id, newer.first(), after[0].at)})
			}
		}
	}
}

// clockError is the greatest difference of the times of two processes, which measure the time of
// the server now and then.
const clockError = 100 * time.Millisecond

// activityOrder finds activities of a user whose calls did not begin in the order of the stream. A
// retry may begin later.
func (r *Report) activityOrder(user, vendor string, list []*asked) {
	var last time.Time
	var before *asked
	for _, a := range list {
		results := r.history.of(a, vendor)
		if a.kind != events.ActivityTracked || len(results) == 0 {
			continue
		}
		begun, once := results[0].begun()
		if !once {
			continue
		}
		if begun.Add(clockError).Before(last) {
			r.violate(violation{kind: "activity out of order", user: user, vendor: vendor, text: fmt.Sprintf("%s (EVENTS %d) began at %s, %s (EVENTS %d) at %s",
				before.id, before.first(), last, a.id, a.first(), begun)})
		}
		if begun.After(last) {
			last, before = begun, a
		}
	}
}

// endings reports whether the user must exist at a vendor at the end, by the first copies, and
// whether other copies allow another end: a duplicate with an unseen first copy counts at the
// position of the duplicate (docs/design.md, rule 5.11).
func endings(vendor string, list []*asked) (exists, open bool) {
	var lives []*asked
	for _, a := range list {
		if lifecycle(a) && (a.kind != events.UserRestored || restores(vendor)) {
			lives = append(lives, a)
		}
	}
	if len(lives) == 0 {
		return false, false
	}
	end := lives[len(lives)-1]
	for _, a := range lives {
		open = open || (a.kind != end.kind && a.last() > end.first())
	}
	return end.kind != events.UserDeleted, open
}
