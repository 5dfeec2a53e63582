package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/vendors/sandbox"
)

// holdings is the state of one vendor, by user.
type holdings struct {
	vendor     string
	accounts   map[string][]sandbox.User       // by our id, with deleted accounts
	courses    map[string][]sandbox.Enrollment // by the vendor's id of the user
	activities map[string]int                  // activities by user and time
}

func newHoldings(vendor string, state sandbox.VendorState) holdings {
	h := holdings{vendor, map[string][]sandbox.User{}, map[string][]sandbox.Enrollment{}, map[string]int{}}
	for _, u := range state.Users {
		if name, ours := strings.CutSuffix(strings.ToLower(u.Email), "@example.org"); ours && strings.HasPrefix(name, "u") {
			h.accounts[name] = append(h.accounts[name], u)
		}
	}
	for _, e := range state.Enrollments {
		h.courses[e.UserID] = append(h.courses[e.UserID], e)
	}
	for _, e := range state.Events {
		h.activities[activityKey(e.UserID, e.At)]++
	}
	return h
}

func activityKey(user string, at time.Time) string { return user + at.UTC().Format(time.RFC3339) }

// vendor compares the state of a vendor with the events.
func (r *Report) vendor(vendor string) {
	state := r.history.state[vendor]
	for _, e := range state.EnrolledTwice() {
		r.violate(violation{kind: "enrolled twice", vendor: vendor, text: fmt.Sprintf("account %s is in course %s twice", e.UserID, e.CourseID)})
	}
	for _, e := range state.RecordedTwice() {
		r.violate(violation{kind: "recorded twice", vendor: vendor, user: e.UserID, text: fmt.Sprintf("%s at %s", e.Name, e.At)})
	}
	for _, e := range state.Events {
		r.Harmless += e.Received - 1
	}
	h := newHoldings(vendor, state)
	for user, list := range r.history.users {
		if !files[vendor].activity {
			r.accounts(h, user, list)
		}
		r.repeats(h, user, list)
		for _, a := range list {
			if a.kind == events.ActivityTracked && takesPart(a, vendor) && h.activities[activityKey(user, a.at)] != 1 {
				r.violate(violation{kind: "activity", user: user, vendor: vendor, text: fmt.Sprintf("%s is there %d times", a.id, h.activities[activityKey(user, a.at)])})
			}
		}
	}
}

// accounts checks that a user has exactly one account, or none after a deletion.
func (r *Report) accounts(h holdings, user string, list []*asked) {
	say := func(kind, format string, args ...any) {
		r.violate(violation{kind: kind, user: user, vendor: h.vendor, text: fmt.Sprintf(format, args...)})
	}
	creations := 0
	for _, a := range list {
		if a.kind == events.UserCreated {
			creations++
		}
	}
	var live []sandbox.User
	for _, u := range h.accounts[user] {
		if !u.Deleted {
			live = append(live, u)
		}
	}
	if len(live) > 1 || len(h.accounts[user]) > max(1, creations) {
		say("double account", "%d accounts, %d of them live, after %d creations: %+v", len(h.accounts[user]), len(live), creations, h.accounts[user])
	}
	exists, open := endings(h.vendor, list)
	if kindOf(h.vendor) == "usermost" { // Usermost cannot delete
		exists = creations > 0
	}
	switch there := len(live) > 0; {
	case there == exists:
	case open:
		r.Late++
		return
	case there:
		say("resurrected", "the last event deletes the user, and the account is there: %+v", live)
	default:
		say("missing", "the last event creates the user, and no account is there: %+v", h.accounts[user])
	}
	if exists && len(live) == 1 && !open {
		r.enrolments(h, user, live[0].ID, list)
		r.data(h.vendor, user, live[0], list)
	}
}

// enrolments checks that a live account has exactly the courses requested since the creation.
func (r *Report) enrolments(h holdings, user, account string, list []*asked) {
	var sure, maybe uint64 // sequences of the last and of the first copy of the last deletion
	for _, a := range list {
		if a.kind == events.UserDeleted {
			sure, maybe = max(sure, a.last()), a.first()
		}
	}
	var in []string
	for _, e := range h.courses[account] {
		if e.Active && e.CourseID != "subscription" { // MagLoft additionally has subscriptions
			in = append(in, e.CourseID)
		}
	}
	for _, course := range scenario.CourseIDs {
		id := courseAt(h.vendor, course)
		if id == "" {
			continue
		}
		say := func(kind, text string) {
			r.violate(violation{kind: kind, user: user, vendor: h.vendor, text: fmt.Sprintf("account %s is in %v: %s %s", account, in, id, text)})
		}
		request, cancellation := r.last(events.EnrollmentRequested, course, list), r.last(events.EnrollmentCancelled, course, list)
		switch there := slices.Contains(in, id); {
		case !there && request.sure > max(sure, cancellation.maybe):
			say("not enrolled", "is not there")
		case there && cancellation.sure > max(maybe, request.maybe):
			say("enrolled after the end", "was cancelled")
		case there && request.maybe <= maybe && !usesOurIDs(h.vendor):
			say("enrolled by an older life", "was asked for before the last deletion")
		}
	}
}

// span holds the sequences at which the newest event of a kind may count: surely at the first copy,
// and possibly at the last copy, if the first copy was never seen.
type span struct{ sure, maybe uint64 }

// last returns the span of the events of one kind in one course.
func (r *Report) last(kind, course string, list []*asked) (s span) {
	for _, a := range list {
		if a.kind == kind && a.course == course {
			s.sure, s.maybe = max(s.sure, a.first()), max(s.maybe, a.last())
		}
	}
	return s
}

// data checks the name of a live account against the newest snapshot, for vendors with names.
func (r *Report) data(vendor, user string, account sandbox.User, list []*asked) {
	for _, held := range list {
		if held.name == "" || held.name != account.Name {
			continue
		}
		for _, newer := range list {
			if results := r.history.of(newer, vendor); newer.name != "" && newer.first() > held.last() && len(results) > 0 && results[0].Outcome == events.Done {
				r.violate(violation{kind: "old data", user: user, vendor: vendor, text: fmt.Sprintf("account %s has the data of %s, and %s is done", account.ID, held.id, newer.id)})
			}
		}
		return
	}
	if account.Name != "" {
		r.violate(violation{kind: "old data", user: user, vendor: vendor, text: fmt.Sprintf("account %s is called %q, which no event says", account.ID, account.Name)})
	}
}

// repeats counts repeated calls. Only Miestro has neither a query for enrolments nor harmless
// repeats. There a repeat is allowed only after a lost answer or an interrupted attempt.
func (r *Report) repeats(h holdings, user string, list []*asked) {
	for _, u := range h.accounts[user] {
		r.Harmless += max(0, u.Creates-1)
		for _, e := range h.courses[u.ID] {
			extra := max(0, e.Applied-1)
			switch kindOf(h.vendor) {
			case "miestro":
				unheard := min(extra, e.Lost)
				r.LostAnswers += unheard
				r.CutOff += extra - unheard
				if tried := r.attempts(h.vendor, e.CourseID, list); e.Applied > tried {
					r.violate(violation{kind: "enrolled twice", user: user, vendor: h.vendor, text: fmt.Sprintf("%+v, in %d attempts", e, tried)})
				}
			case "lead", "scim", "canvas":
				if extra > 0 {
					r.violate(violation{kind: "enrolled twice", user: user, vendor: h.vendor, text: fmt.Sprintf("%+v, though the vendor can be asked", e)})
				}
			default:
				r.Harmless += extra
			}
		}
	}
}

// attempts returns the number of attempts of all enrolments in a course.
func (r *Report) attempts(vendor, course string, list []*asked) (n int) {
	for _, a := range list {
		if a.kind == events.EnrollmentRequested && courseAt(vendor, a.course) == course {
			for _, result := range r.history.of(a, vendor) {
				n += result.Attempts
			}
		}
	}
	return n
}
