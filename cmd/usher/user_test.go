package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/ops"
)

// TestUser shows the history of a user who is in a course at one vendor, not yet at
// another, and for whom one enrolment failed; of events that are at fault themselves,
// which leave nothing but dead letters; and of one whom nobody knows.
func TestUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool { // so LEAD cannot enrol: a dead letter
		return strings.HasPrefix(v, "USHER_LEAD_ENROLL_PATH=")
	})
	w.serve()
	w.send(`{"sent":6,"new":6,"known":0}`,
		cloudEvent(events.UserCreated, "s1", oneUser),
		cloudEvent(events.EnrollmentRequested, "s2", `{"user_id":"u1","course_id":"go-basics"}`),
		cloudEvent(events.ActivityTracked, "s3", `{"user_id":"u1","name":"lesson.read"}`),
		cloudEvent(events.EnrollmentRequested, "s4", `{"user_id":"u1","course_id":"nowhere"}`),
		cloudEvent(events.EnrollmentRequested, "s5", `{"user_id":"u1","course_id":"go-basics","vendor":"foo"}`),
		cloudEvent(events.EnrollmentRequested, "s6", `{"user_id":"u2","course_id":"nowhere"}`))
	w.expect("s1", everywhere)
	w.expect("s2", map[string]string{"miestro": "done", "lead": "failed", "usermost": "done"})
	w.expect("s3", map[string]string{"usermost": "done"})
	nowhere := map[string]string{"miestro": "failed", "lead": "failed", "usermost": "failed"} // the others cannot enrol
	for _, id := range []string{"s4", "s5", "s6"} {
		w.expect(id, nowhere)
	}
	var h ops.History
	if err := json.Unmarshal([]byte(w.must("user", "u1", "--json")), &h); err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, at := range h.Accounts {
		states[at.Vendor] = fmt.Sprint(at.State, " ", at.ID != "", " ", at.Courses)
	}
	for _, e := range h.Events {
		states[e.Vendor+" "+e.EventID] = e.State
		if (e.Dead != "") != (e.State == events.Failed) {
			t.Errorf("%s of %s at %s has the dead letter %q", e.State, e.EventID, e.Vendor, e.Dead)
		}
	}
	want := map[string]string{
		"lead": "active true []", "miestro": "active true [go-basics]", "meiro": "active true []", "magloft": "active true []", "usermost": "active true [go-basics]",
		"lead s1": "done", "miestro s1": "done", "meiro s1": "done", "magloft s1": "done", "usermost s1": "done",
		"lead s2": "failed", "miestro s2": "done", "usermost s2": "done",
		"usermost s3": "done",
	}
	want["events s4"], want["events s5"] = "failed", "failed"
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if out := w.must("user", "u1"); !strings.Contains(out, "usher dead show lead.") || strings.Contains(out, "@example.org") {
		t.Errorf("got\n%s", out)
	}
	if out := w.must("user", "u2"); strings.Count(out, "\n") != len(everywhere)+1 || !strings.Contains(out, "mapped nowhere") {
		t.Errorf("got %q of one who has nothing but dead letters", out)
	}
	if out, err := w.try("user", "nobody"); out != "" || err == nil || cli.ExitCode(err) != 1 || !strings.Contains(err.Error(), "nothing is known of nobody") {
		t.Errorf("got %q, %v of somebody whom nobody knows", out, err)
	}
	w.end()
}

// TestUserLeftAtVendor is deleted where that can be done. Usermost cannot.
func TestUserLeftAtVendor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()
	w.send(`{"sent":2,"new":2,"known":0}`, cloudEvent(events.UserCreated, "s1", oneUser), cloudEvent(events.UserDeleted, "s2", oneUser))
	w.expect("s2", map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "unsupported"})
	out := w.must("user", "u1")
	for _, want := range []string{"miestro\tdeleted\t\t0\n", "usermost\tstill there: the vendor cannot delete\tu1\t0\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("not a word of %q in\n%s", want, out)
		}
	}
	w.end()
}
