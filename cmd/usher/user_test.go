package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ops"
)

// TestUser tells the story of one who is in a course at one vendor, not yet at
// another, and for whom one enrolment failed; and of one whom nobody knows.
func TestUser(t *testing.T) {
	w := newWorld(t)
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool { // so LEAD cannot enrol: a dead letter
		return strings.HasPrefix(v, "USHER_LEAD_ENROLL_PATH=")
	})
	w.serve()
	w.send(`{"sent":3,"new":3,"known":0}`,
		cloudEvent(events.UserCreated, "s1", oneUser),
		cloudEvent(events.EnrollmentRequested, "s2", `{"user_id":"u1","course_id":"go-basics"}`),
		cloudEvent(events.ActivityTracked, "s3", `{"user_id":"u1","name":"lesson.read"}`))
	w.expect("s1", everywhere)
	w.expect("s2", map[string]string{"miestro": "done", "lead": "failed", "usermost": "done"})
	w.expect("s3", map[string]string{"usermost": "done"})
	var s ops.Story
	if err := json.Unmarshal([]byte(w.must("user", "u1", "--json")), &s); err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, at := range s.Accounts {
		states[at.Vendor] = fmt.Sprint(at.State, " ", at.ID != "", " ", at.Courses)
	}
	for _, e := range s.Events {
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
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if out := w.must("user", "u1"); !strings.Contains(out, "usher dead show lead.") || strings.Contains(out, "@example.org") {
		t.Errorf("got\n%s", out)
	}
	if out := w.must("user", "nobody"); out != "" || !strings.Contains(w.log.String(), "no vendor was ever asked for anything about nobody") {
		t.Errorf("got %q of somebody whom nobody knows", out)
	}
	w.stop()
	if err := <-w.ended; err != nil {
		t.Error(err)
	}
}
