package main

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors/sandbox"
)

// newSchools is a world with two vendors of the kind miestro, school1 and school2, and no other
// vendor. The rules are further settings of school2 in the file.
func newSchools(t *testing.T, rules string) *world {
	t.Helper()
	w := newWorld(t)
	stands, err := sandbox.New(sandbox.Config{Instances: map[string]string{"school1": "miestro", "school2": "miestro"}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(stands.Handler())
	t.Cleanup(web.Close)
	w.stands = stands
	var environ []string
	for _, variable := range append(w.environ, stands.Environ(strings.TrimPrefix(web.URL, "http://"))...) {
		if name, _, _ := strings.Cut(variable, "_"); strings.HasPrefix(variable, "USHER_SCHOOL") || strings.HasPrefix(variable, name+"_NATS") ||
			strings.HasPrefix(variable, name+"_HTTP") || strings.HasPrefix(variable, name+"_WORKER") {
			environ = append(environ, variable)
		}
	}
	w.environ = append(environ, "USHER_SCHOOL1_TIMEOUT=5s", "USHER_SCHOOL2_TIMEOUT=5s")
	w.rules(rules)
	return w
}

// rules writes the file of newSchools.
func (w *world) rules(school2 string) {
	w.t.Helper()
	text := "vendors:\n  school1: {kind: miestro}\n  school2: {kind: miestro" + school2 + "}\n" +
		"courses:\n  both: {school1: 1, school2: 1}\n  only: {school2: 1}\n"
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// users returns the number of accounts at a stand-in.
func (w *world) users(vendor string) int { return len(w.stands.State().Vendors[vendor].Users) }

func user(id string) string {
	return cloudEvent(events.UserCreated, "c-"+id, `{"user_id":"`+id+`","email":"`+id+`@example.org"}`)
}

func TestTwoInstancesOfOneKind(t *testing.T) {
	w := newSchools(t, "")
	w.serve()
	w.feedAll(user("ada"), cloudEvent(events.EnrollmentRequested, "e-both", `{"user_id":"ada","course_id":"both"}`),
		cloudEvent(events.EnrollmentRequested, "e-only", `{"user_id":"ada","course_id":"only"}`),
		cloudEvent(events.EnrollmentRequested, "e-one", `{"user_id":"ada","course_id":"both","vendor":"school1"}`))
	done := map[string]string{"school1": events.Done, "school2": events.Done}
	w.expect("c-ada", done)
	w.expect("e-both", done)
	w.expect("e-only", map[string]string{"school2": events.Done})
	w.expect("e-one", map[string]string{"school1": events.AlreadyDone})
	state := w.stands.State().Vendors
	if len(state["school1"].Enrollments) != 1 || len(state["school2"].Enrollments) != 1 || w.users("school1") != 1 || w.users("school2") != 1 || w.users("miestro") != 0 {
		t.Errorf("got %+v", state)
	}

	w.must("pause", "school2")
	w.feedAll(user("bob"))
	w.expect("c-bob", map[string]string{"school1": events.Done})
	if w.users("school2") != 1 {
		t.Error("the paused instance was called")
	}
	if out, _ := w.try("status"); !strings.Contains(out, "school2") || !strings.Contains(out, "paused") {
		t.Errorf("status: %s", out)
	}
	w.must("resume", "school2")
	w.expect("c-bob", done)
	if out := w.must("vendors", "check", "school2"); !strings.Contains(out, "ok") {
		t.Errorf("vendors check: %s", out)
	}
	if _, err := w.try("reconcile", "school2"); err != nil {
		t.Errorf("reconcile: %v", err)
	}
	if out, err := w.try("pause", "school3"); err == nil || !strings.Contains(err.Error(), "want one of") {
		t.Errorf("pause of no vendor: %v %s", err, out)
	}
	w.end()
}
