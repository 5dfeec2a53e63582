package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors/sandbox"
)

// TestDeletionsOfUnknownUsers deletes 500 users from before Usher, by their ids only. The default of
// worker.prerequisite_wait is ten minutes: nothing waits for it.
func TestDeletionsOfUnknownUsers(t *testing.T) {
	const many = 500
	for name, test := range map[string]struct{ rule, outcome string }{
		"fail": {"", events.Failed}, "skip": {", on_unknown: skip", events.Skipped},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSchools(t, test.rule)
			w.environ = append(w.environ, "USHER_DELETIONS_COUNT=1000", "USHER_DELETIONS_SHARE=1")
			w.byHand("school2", sandbox.Add, "u1@example.org")
			w.serve()
			var lines []string
			for i := range many {
				lines = append(lines, cloudEvent(events.UserDeleted, fmt.Sprint("d", i), fmt.Sprintf(`{"user_id":"u%d"}`, i)))
			}
			w.feedAll(lines...)
			w.until("all deletions have ended", func() bool {
				return w.happened("--vendor", "school2", "--outcome", test.outcome) == many && w.happened("--vendor", "school1", "--outcome", events.Failed) == many
			})
			if n := w.users("school2"); n != 1 {
				t.Errorf("got %d accounts, want the one from before", n)
			}
			dead := w.must("dead", "list", "--by", "cause", "--vendor", "school2")
			if failed := test.outcome == events.Failed; strings.HasPrefix(dead, "prerequisite:user.deleted\t500\t") != failed || strings.Contains(dead, "on_unknown") != failed {
				t.Errorf("by cause: got %s", dead)
			}
			w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserDeleted, "again", `{"user_id":"u1","email":"u1@example.org"}`))
			w.until("a deletion with the e-mail deletes the account", func() bool { return len(w.stands.State().Vendors["school2"].Live()) == 0 })
			w.end()
		})
	}
}

// TestEnrolmentsBeforeTheirUsers sends enrolments before the creations of their users, at a vendor
// whose rate keeps the creations waiting for far longer than worker.prerequisite_wait.
func TestEnrolmentsBeforeTheirUsers(t *testing.T) {
	t.Parallel()
	const many = 20
	w := newSchools(t, "")
	w.environ = append(w.environ, "USHER_WORKER_PREREQUISITE_WAIT=1s", "USHER_SCHOOL1_RATE=4", "USHER_SCHOOL2_RATE=4")
	w.serve()
	var enrolments, creations []string
	for i := range many {
		id := fmt.Sprint("u", i)
		enrolments = append(enrolments, cloudEvent(events.EnrollmentRequested, "e-"+id, `{"user_id":"`+id+`","course_id":"both"}`))
		creations = append(creations, user(id))
	}
	w.feedAll(append(enrolments, creations...)...)
	for _, vendor := range []string{"school1", "school2"} {
		w.until("every user is enrolled at "+vendor, func() bool {
			return w.happened("--vendor", vendor, "--type", events.EnrollmentRequested, "--outcome", events.Done) == many
		})
		if n := w.happened("--vendor", vendor, "--outcome", events.Failed); n > 0 {
			t.Errorf("%s: got %d failures, want none while the creation is on its way", vendor, n)
		}
	}
	if dead := w.dead(); len(dead) > 0 {
		t.Errorf("got dead letters: %v", dead)
	}
	w.end()
}

// TestEnrolmentsInAnUnmappedCourse has five vendors and a course that none of them has.
func TestEnrolmentsInAnUnmappedCourse(t *testing.T) {
	t.Parallel()
	const many = 100
	w := newWorld(t)
	w.serve()
	lines := make([]string, many)
	for i := range lines {
		lines[i] = cloudEvent(events.EnrollmentRequested, fmt.Sprint("e", i), fmt.Sprintf(`{"user_id":"u%d","course_id":"go-404"}`, i))
	}
	w.feedAll(lines...)
	w.until("every enrolment is a dead letter", func() bool { return len(w.letters()) == many })
	w.until("every vendor has read all", func() bool { return w.happened("--vendor", "lead", "--outcome", events.Failed) == many })
	list := w.letters()
	if len(list) != many {
		t.Errorf("got %d dead letters for %d events at five vendors", len(list), many)
	}
	for _, l := range list {
		if l.Vendor != "events" || l.Course != "go-404" || !strings.Contains(l.Message, "course go-404 is mapped nowhere") {
			t.Fatalf("got %+v, want one for all vendors, with the course", l)
		}
	}
	if out := w.must("dead", "list", "--by", "cause"); !strings.HasPrefix(out, "invalid:course:go-404\t100\tevents\t") || strings.Count(out, "\n") != 1 {
		t.Errorf("by cause: got %s, want one line", out)
	}
	w.end()
}
