package intake_test

import (
	"fmt"
	"slices"

	"github.com/usherhq/usher/events"
)

// isWholeAccount reports whether an event concerns all of an account.
func isWholeAccount(kind string) bool { return isLifecycle(kind) || kind == events.UserUpdated }

// isLifecycle reports whether an event makes or ends an account.
func isLifecycle(kind string) bool {
	return kind == events.UserCreated || kind == events.UserDeleted || kind == events.UserRestored
}

// userEvent is an event of one user, with its outcome.
type userEvent struct {
	publication
	place   int    // in the stream, of the first copy: no other counts
	outcome string // of the event itself
	last    string // outcome of the last replay; without one, of the event itself
}

// applied reports whether the vendor is, or was, as the event asks.
func (d *userEvent) applied() bool { return applied(d.last) }

func applied(outcome string) bool { return outcome == events.Done || outcome == events.AlreadyDone }

// lastResult returns the result of the last replay of an event; without one, of the event itself.
func (r *run) lastResult(key string) (result events.Result, ok bool) {
	for replay := 0; ; replay++ {
		next, found := r.published.data[events.ResultID(key, "acme", replay)]
		if !found {
			return result, ok
		}
		result, ok = next, true
	}
}

// userEvents returns the events of a user, in the order of their first copies.
func (r *run) userEvents(user int) (all []*userEvent) {
	known := map[int]*userEvent{}
	for place, p := range r.history.published {
		if p.user != user {
			continue
		}
		d := known[p.event]
		if d == nil {
			e := r.event(p)
			key := events.Key(e.Source(), e.ID())
			d = &userEvent{publication: p, outcome: r.published.data[events.ResultID(key, "acme", 0)].Outcome}
			last, _ := r.lastResult(key)
			d.last = last.Outcome
			d.place = place
			known[p.event] = d
			all = append(all, d)
		}
	}
	return all
}

// overtaken returns the events that were superseded by one that stands behind them in the
// stream. Only an update may be, if it had no account to wait for.
func (r *run) overtaken(user int) (faults []string) {
	all := r.userEvents(user)
	for _, a := range all {
		if a.outcome != events.Superseded || !isWholeAccount(a.kind) || (a.kind == events.UserUpdated && !hadAccount(all, a)) {
			continue
		}
		for _, b := range all {
			if b.place > a.place && (isLifecycle(b.kind) || a.kind == events.UserUpdated && b.kind == events.UserUpdated) {
				faults = append(faults, fmt.Sprintf("event %d (%s) was overtaken by event %d (%s)", a.event, a.kind, b.event, b.kind))
			}
		}
	}
	return faults
}

// hadAccount reports whether there was an account at the place of an update. Without one the
// update has to wait, and others go before it.
func hadAccount(all []*userEvent, update *userEvent) (exists bool) {
	for _, d := range all {
		if isLifecycle(d.kind) && d.place < update.place {
			exists = d.kind != events.UserDeleted && applied(d.outcome)
		}
	}
	return exists
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
	if may := r.finalStates(user); !slices.Contains(may, len(live) > 0) {
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
func (r *run) checkData(user int, a *account, say func(string, ...any)) {
	all := r.userEvents(user)
	for _, held := range all {
		for _, newer := range all {
			snapshots := newer.kind == events.UserUpdated || newer.kind == events.UserCreated
			if snapshot(held.event) != a.data || !snapshots || newer.last != events.Done || newer.place <= held.place {
				continue
			}
			say("has the data of event %d (%s), and event %d (%s) is done", held.event, held.kind, newer.event, newer.kind)
		}
	}
}

// checkCourse holds the account's enrolment to the newest request or cancellation
// that was carried out.
func (r *run) checkCourse(user int, a *account, say func(string, ...any)) {
	var newest, deleted *userEvent
	for _, d := range r.userEvents(user) {
		switch {
		case !d.applied():
		case d.kind == events.UserDeleted:
			deleted = d
		case !isWholeAccount(d.kind) && newest != nil && newest.place > d.place:
		case !isWholeAccount(d.kind):
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
	all := r.userEvents(user)
	for _, a := range all {
		for _, b := range all {
			if a.kind == events.UserRestored && a.outcome == events.Failed && b.kind == events.UserCreated && applied(b.outcome) && b.place < a.place {
				faults = append(faults, fmt.Sprintf("event %d (%s) failed, though event %d had made an account", a.event, a.kind, b.event))
			}
		}
	}
	return faults
}

// finalStates returns whether the user may have an account at the end: what the last creation,
// deletion or restoration says. A restoration that failed has changed nothing.
func (r *run) finalStates(user int) []bool {
	var last *userEvent
	for _, d := range r.userEvents(user) {
		if isLifecycle(d.kind) && (d.kind != events.UserRestored || d.last != events.Failed) && (last == nil || last.place < d.place) {
			last = d
		}
	}
	return []bool{last != nil && last.kind != events.UserDeleted}
}
