package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/vendors/sandbox"
)

func TestServe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()

	t.Run("the vendors let us in", func(t *testing.T) {
		out := w.must("vendors", "check")
		if strings.Count(out, "\tok\t") != 5 {
			t.Errorf("got\n%s\nwant five vendors that are ok", out)
		}
	})
	t.Run("carries out all types", func(t *testing.T) { w.with(t).lifecycle(t) })
	t.Run("keeps dead letters", func(t *testing.T) { w.with(t).deadLetters(t) })
	t.Run("stops", func(t *testing.T) { w.with(t).end() })
}

// lifecycle sends one user through all that can be asked for.
func (w *world) lifecycle(t *testing.T) {
	ann := cloudEvent(events.UserCreated, "c1", `{"user_id":"u1","email":"ann@example.org","first_name":"Ann","last_name":"Lee"}`)
	w.send(`{"sent":4,"new":4,"known":0}`, ann,
		cloudEvent(events.EnrollmentRequested, "e1", `{"user_id":"u1","course_id":"go-basics","email":"ann@example.org"}`),
		cloudEvent(events.EnrollmentRequested, "e2", `{"user_id":"u1","course_id":"13","vendor":"lead","email":"ann@example.org"}`),
		cloudEvent(events.ActivityTracked, "a1", `{"user_id":"u1","name":"lesson.finished"}`),
	)
	w.send(`{"sent":1,"new":0,"known":1}`, ann)
	// With --follow it waits for results that are still to come.
	if out := w.must("results", "--follow", "--limit", "5", "--type", events.UserCreated, "--user", "u1", "--since", "1m"); strings.Count(out, "\tdone\tu1\t") != 5 {
		t.Errorf("results --follow: got\n%s", out)
	}
	if out := w.must("results", "--vendor", "lead", "--type", "user.provisioned", "--outcome", "failed"); out != "" {
		t.Errorf("results that fail: got\n%s\nwant none", out)
	}
	w.expect("c1", map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "done"})
	w.expect("e1", map[string]string{"miestro": "done", "lead": "done", "usermost": "done"})
	w.expect("e2", map[string]string{"lead": "done"})
	w.expect("a1", map[string]string{"usermost": "done"})
	held := w.stands.State().Vendors
	for name, v := range held {
		if n := anns(v); n != 1 {
			t.Errorf("%s: got %d accounts of ann, want 1", name, n)
		}
		if len(v.Twins()) > 0 || len(v.EnrolledTwice()) > 0 || len(v.RecordedTwice()) > 0 {
			t.Errorf("%s: something was done twice: %+v", name, v)
		}
	}
	for name, want := range map[string]int{"miestro": 1, "lead": 2} {
		if got := len(held[name].Enrollments); got != want {
			t.Errorf("%s: got %d enrolments, want %d", name, got, want)
		}
	}
	w.send(`{"sent":2,"new":2,"known":0}`,
		cloudEvent(events.UserUpdated, "n1", `{"user_id":"u1","email":"ann@example.org","first_name":"Anna","last_name":"Lee"}`),
		cloudEvent(events.EnrollmentCancelled, "x1", `{"user_id":"u1","course_id":"go-basics","email":"ann@example.org"}`),
	)
	w.expect("n1", map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "done"})
	w.expect("x1", map[string]string{"miestro": "done", "lead": "done", "usermost": "done"})
	held = w.stands.State().Vendors
	for _, name := range []string{"miestro", "lead", "magloft", "usermost"} {
		if all := held[name].Live(); len(all) == 0 || all[len(all)-1].Name != "Anna Lee" {
			t.Errorf("%s: got %+v, want that the last is Anna Lee", name, all)
		}
	}
	w.inCourses(map[string]int{"miestro": 0, "lead": 1})
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.EnrollmentRequested, "e3", `{"user_id":"u1","course_id":"go-basics"}`))
	w.expect("e3", map[string]string{"miestro": "done", "lead": "done", "usermost": "done"})
	w.inCourses(map[string]int{"miestro": 1, "lead": 2})
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserDeleted, "d1", `{"user_id":"u1"}`))
	// Usermost documents no way to delete.
	w.expect("d1", map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "unsupported"})
	for name, v := range w.stands.State().Vendors {
		if n := anns(v); n != 0 && name != "usermost" {
			t.Errorf("%s: got %d accounts of ann after her deletion", name, n)
		}
	}
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserRestored, "b1", `{"user_id":"u1"}`))
	w.expect("b1", map[string]string{"miestro": "unsupported", "meiro": "done", "lead": "unsupported", "magloft": "unsupported", "usermost": "unsupported"})
	for name, v := range w.stands.State().Vendors {
		if n := anns(v); (n == 1) != (name == "meiro" || name == "usermost") {
			t.Errorf("%s: got %d accounts of ann after her restoration", name, n)
		}
	}
}

// inCourses checks how many enrolments last at each vendor.
func (w *world) inCourses(want map[string]int) {
	w.t.Helper()
	held := w.stands.State().Vendors
	for name, n := range want {
		got := 0
		for _, e := range held[name].Enrollments {
			if e.Active {
				got++
			}
		}
		if got != n {
			w.t.Errorf("%s: got %d enrolments that last, want %d", name, got, n)
		}
	}
}

// anns counts the accounts of ann that are there.
func anns(v sandbox.VendorState) (n int) {
	for _, u := range v.Live() {
		if u.Email == "ann@example.org" || u.External == "u1" {
			n++
		}
	}
	return n
}

// letter is what the test reads of usher dead list --json.
type letter struct {
	ID      string          `json:"id"`
	EventID string          `json:"event_id"`
	Vendor  string          `json:"vendor"`
	Class   string          `json:"class"`
	State   string          `json:"state"`
	Pointer string          `json:"pointer"`
	Rule    string          `json:"rule"`
	Message string          `json:"message"`
	User    string          `json:"user_id"`
	Course  string          `json:"course_id"`
	Replay  int             `json:"replay"`
	Payload json.RawMessage `json:"payload"`
}

func (w *world) letters(args ...string) []letter {
	w.t.Helper()
	var list []letter
	if err := json.Unmarshal([]byte(w.must(append([]string{"dead", "list", "--json"}, args...)...)), &list); err != nil {
		w.t.Fatal(err)
	}
	return list
}

// deadLetters publishes an event that usher send would not have taken.
func (w *world) deadLetters(t *testing.T) {
	bad := cloudEvent(events.UserCreated, "bad1", `{"user_id":"u2"}`)
	if _, err := w.feed(bad, "send"); err == nil || !strings.Contains(err.Error(), "/data/email: schema:required") {
		t.Errorf("send: got %v, want the pointer and the rule", err)
	}
	nc, err := nats.Connect(w.nats)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Request(events.UserCreated, []byte(bad), natstest.Patience); err != nil {
		t.Fatal(err)
	}
	w.until("one dead letter for all vendors", func() bool { return len(w.letters()) == 1 })
	list := w.letters("--vendor", "events", "--class", "invalid")
	if len(list) != 1 || list[0].Pointer != "/data/email" || list[0].Rule != "schema:required" || list[0].Payload != nil {
		t.Fatalf("got %+v, want one that tells pointer and rule, without the event", list)
	}
	short := list[0].ID[:len("events.")+6]
	if shown := w.must("dead", "show", short); !strings.Contains(shown, list[0].ID) || !strings.Contains(shown, `"user_id": "u2"`) {
		t.Errorf("show: got\n%s", shown)
	}
	var shown letter
	if err := json.Unmarshal([]byte(w.must("dead", "show", "--json", short)), &shown); err != nil || !strings.Contains(string(shown.Payload), "u2") {
		t.Errorf("show --json: got %+v, %v", shown, err)
	}
	if out, err := w.try("dead", "replay", short, "lead.nothing"); err == nil {
		t.Errorf("replay with an ID of nothing: got no error and\n%s", out)
	}
	for number, args := range [][]string{{short}, {"--all", "--max", "3"}} {
		if out := w.must(append([]string{"dead", "replay"}, args...)...); !strings.Contains(out, "sent back\t"+list[0].ID) {
			t.Errorf("replay: got\n%s", out)
		}
		w.until("the replay fails like the first", func() bool {
			again := w.letters()
			return len(again) == 1 && again[0].Replay == number+1 && again[0].State == ops.DeadWaiting
		})
	}
	for _, l := range w.letters() {
		w.must("dead", "drop", l.ID, "--reason", "test user")
	}
	if left := w.letters(); len(left) > 0 {
		t.Errorf("got %+v after dropping all", left)
	}
	if !strings.Contains(w.log.String(), "test user") {
		t.Error("the reason is not in the log")
	}
}

// TestNewVendor gets what the stream has kept, and serve says so; of the
// others it does not.
func TestNewVendor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.environ
	w.environ = slices.DeleteFunc(slices.Clone(all), func(v string) bool { return strings.HasPrefix(v, "USHER_LEAD_") })
	w.serve()
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "c1", `{"user_id":"u1","email":"ann@example.org","first_name":"Ann","last_name":"Lee"}`))
	w.expect("c1", map[string]string{"miestro": "done", "meiro": "done", "magloft": "done", "usermost": "done"})
	w.end()
	before := len(w.log.String())
	w.environ = all
	w.serve()
	w.expect("c1", map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "done"})
	if log := w.log.String()[before:]; strings.Count(log, "the vendor is new here") != 1 || !strings.Contains(log, `"vendor":"lead","events":1`) {
		t.Error("serve does not say that LEAD alone is new, and gets one event")
	}
}
