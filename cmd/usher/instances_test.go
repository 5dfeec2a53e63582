package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/vendors/sandbox"
)

// newSchools is a world with two vendors of the kind miestro, school1 and school2, and no other
// vendor. The rules are further settings of school2 in the file.
func newSchools(t *testing.T, rules string) *world {
	t.Helper()
	return newSchoolsAt(t, rules, 0)
}

// newSchoolsAt is newSchools with the mean latency of a call.
func newSchoolsAt(t *testing.T, rules string, latency time.Duration) *world {
	t.Helper()
	w := newWorld(t)
	stands, err := sandbox.New(sandbox.Config{Latency: latency, Instances: map[string]string{"school1": "miestro", "school2": "miestro"}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(stands.Handler())
	t.Cleanup(web.Close)
	w.stands = stands
	environ := []string{"USHER_SCHOOL1_TIMEOUT=5s", "USHER_SCHOOL2_TIMEOUT=5s"}
	for _, variable := range append(w.environ, stands.Environ(strings.TrimPrefix(web.URL, "http://"))...) {
		if name, _, _ := strings.Cut(variable, "_"); strings.HasPrefix(variable, "USHER_SCHOOL") || strings.HasPrefix(variable, name+"_NATS") ||
			strings.HasPrefix(variable, name+"_HTTP") || strings.HasPrefix(variable, name+"_WORKER") {
			environ = append(environ, variable)
		}
	}
	w.environ = environ
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

// Errors of a further instance have its name, and not the name of the kind: in a dead letter, in the
// reason of a hold, in checks and comparisons.
func TestErrorsNameTheInstance(t *testing.T) {
	t.Parallel()
	w := newSchools(t, "")
	w.environ = append(w.environ, "USHER_WORKER_HOLD_RETRY=300ms")
	text := string(read(t, w.file))
	if err := os.WriteFile(w.file, []byte(strings.Replace(text, "only: {school2: 1}", "only: {school2: 999999}", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.serve()
	w.feedAll(user("ada"), cloudEvent(events.EnrollmentRequested, "e", `{"user_id":"ada","course_id":"only"}`))
	w.expect("e", map[string]string{"school2": events.Failed})
	said := w.must("dead", "list", "--json") + w.must("results", "--event", "e")
	w.end()
	w.environ = append(w.environ, "USHER_SCHOOL2_API_SECRET="+sandbox.WrongCredential)
	w.serve()
	w.feedAll(user("bob"))
	w.until("school2 is on hold", func() bool { s, _ := w.standing(); return at(s, "school2").State == ops.OnHold })
	state, _ := w.try("status")
	check, _ := w.try("vendors", "check", "school2")
	_, err := w.try("reconcile", "school2")
	for place, text := range map[string]string{"dead letter": said, "status": state, "check": check, "reconcile": fmt.Sprint(err), "log": w.log.String()} {
		named := strings.Contains(text, "school2: ") || place == "log" || place == "status"
		if !named || strings.Contains(text, "miestro: ") || strings.Contains(text, "of miestro") {
			t.Errorf("%s: got %s", place, text)
		}
	}
	w.end()
}
